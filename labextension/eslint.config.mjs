import js from '@eslint/js';
import jupyter from '@jupyter/eslint-plugin';
import prettier from 'eslint-config-prettier';
import hooks from 'eslint-plugin-react-hooks';
import ts from 'typescript-eslint';

export default ts.config(
  { ignores: ['**/lib/**', '**/src/wire.ts'] },
  js.configs.recommended,
  {
    files: ['**/src/**/*.{ts,tsx}'],
    extends: [...ts.configs.recommendedTypeChecked],
    plugins: { '@jupyter': jupyter, 'react-hooks': hooks },
    languageOptions: {
      parserOptions: {
        project: '../tsconfig.json',
        tsconfigRootDir: import.meta.dirname
      }
    },
    rules: {
      ...jupyter.configs?.recommended?.rules,
      ...hooks.configs.recommended.rules,
      '@typescript-eslint/consistent-type-imports': [
        'error',
        { fixStyle: 'inline-type-imports' }
      ],
      '@typescript-eslint/explicit-function-return-type': [
        'error',
        { allowExpressions: true }
      ],
      '@typescript-eslint/naming-convention': [
        'error',
        {
          selector: 'interface',
          format: ['PascalCase'],
          custom: { regex: '^I[A-Z]', match: true }
        }
      ],
      '@typescript-eslint/no-unused-vars': [
        'error',
        { varsIgnorePattern: '^_$' }
      ],
      eqeqeq: 'error',
      'max-lines': ['error', { max: 220, skipBlankLines: true }]
    }
  },
  {
    files: ['**/*.mjs'],
    languageOptions: {
      globals: {
        console: false,
        process: false,
        URL: false,
        setImmediate: false
      }
    }
  },
  prettier
);
