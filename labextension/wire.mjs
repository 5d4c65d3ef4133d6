// Writes src/wire.ts from docs/schema.json; with --check only says whether it is up to date.
import { readFileSync, writeFileSync } from 'node:fs';
import { compile } from 'json-schema-to-typescript';

const SOURCE = new URL('../docs/schema.json', import.meta.url);
const TARGET = new URL('./src/wire.ts', import.meta.url);
const BANNER =
  '// Generated from docs/schema.json by `jlpm types`; do not edit.';

// The document's root has no shape of its own: only its definitions become types.
const ROOT =
  /\/\*\*(?:(?!\*\/)[\s\S])*\*\/\nexport interface Wire \{[\s\S]*?\n\}\n/;

// A reference with a default beside it would become a second type of the same shape.
const bare = (_key, value) => (value?.$ref ? { $ref: value.$ref } : value);

const types = await compile(
  JSON.parse(readFileSync(SOURCE, 'utf8'), bare),
  'Wire',
  {
    bannerComment: BANNER,
    enableConstEnums: false,
    ignoreMinAndMaxItems: true,
    style: { singleQuote: true, trailingComma: 'none' },
    unreachableDefinitions: true
  }
);
const text = types
  .replace(ROOT, '')
  .replace(
    /\/\*\*\n \* This interface was referenced by `Wire`'s JSON-Schema\n \* via the `definition` "\w+"\.\n \*\/\n/g,
    ''
  )
  .replace(
    / \*\n \* This interface was referenced by [\s\S]*?\n \*\/\n/g,
    ' */\n'
  );

if (!process.argv.includes('--check')) {
  writeFileSync(TARGET, text);
} else if (readFileSync(TARGET, 'utf8') !== text) {
  console.error('labextension/src/wire.ts is stale: run jlpm types');
  process.exitCode = 1;
}
