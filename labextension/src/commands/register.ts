import type { JupyterFrontEnd } from '@jupyterlab/application';
import type { ICommandPalette } from '@jupyterlab/apputils';
import type { LabIcon } from '@jupyterlab/ui-components';
import type { ReadonlyPartialJSONObject } from '@lumino/coreutils';
import { showFailure } from '../dialogs/Failure';
import { argsOf, CATEGORY, type ICommandArgs } from './ids';

/** A command as a person meets it. */
export interface ICommand {
  id: string;
  label: string | ((args: ReadonlyPartialJSONObject) => string);
  caption: string;
  /** Where it is also a button of a toolbar. */
  icon?: LabIcon;
  /** What to say when it fails; false where the failure is shown in its own place. */
  failure: string;
  execute: (args: ICommandArgs) => Promise<unknown> | void;
}

/** Adds commands to the application and its palette; a failure becomes one dialog with message and hint. */
export function register(
  app: JupyterFrontEnd,
  palette: ICommandPalette | null,
  commands: readonly ICommand[]
): void {
  for (const { id, label, caption, icon, failure, execute } of commands) {
    app.commands.addCommand(id, {
      label,
      caption,
      icon,
      describedBy: { args: ARGUMENTS },
      execute: async args => {
        try {
          await execute(argsOf(args));
        } catch (error) {
          await showFailure(failure, error);
        }
      }
    });
    palette?.addItem({ command: id, category: CATEGORY });
  }
}

const ARGUMENTS = {
  type: 'object',
  properties: {
    name: { type: 'string', description: 'The cluster' },
    group: { type: 'string', description: 'The group of workers' },
    target: { type: 'integer', description: 'How many workers' },
    minimum: { type: 'integer', description: 'Least workers' },
    maximum: { type: 'integer', description: 'Most workers' },
    idle: { type: 'number', description: 'Seconds before workers are let go' },
    job: { type: 'string', description: 'The batch job' },
    site: { type: 'string', description: 'The site' },
    run: { type: 'string', description: 'The urgent run' }
  }
} as const;
