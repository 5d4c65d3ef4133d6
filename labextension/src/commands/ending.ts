import type { CommandRegistry } from '@lumino/commands';
import { explainEnding } from '../dialogs/Ending';
import { IhpcError } from '../errors';
import type { Store } from '../model/store';
import { CommandIDs } from './ids';
import type { ICommand } from './register';

const SAVE_ALL = 'docmanager:save-all';

/** The end of the job that this server runs in. */
export function ending(store: Store, commands: CommandRegistry): ICommand[] {
  return [
    {
      id: CommandIDs.explainEnd,
      label: 'End of This Server’s Job…',
      caption:
        'What ends with the job that this server runs in, and what to do',
      failure: 'Not everything was saved',
      execute: async () => {
        const { here, clusters } = store.state;
        if (!here) {
          throw new IhpcError(
            404,
            'This server runs in no batch job that is known.',
            'It ends when you stop it.'
          );
        }
        if (await explainEnding(here, clusters, store.now())) {
          await commands.execute(SAVE_ALL);
        }
      }
    }
  ];
}
