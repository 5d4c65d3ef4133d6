import type {
  JupyterFrontEnd,
  JupyterFrontEndPlugin
} from '@jupyterlab/application';
import { ICommandPalette } from '@jupyterlab/apputils';
import { INotebookTracker } from '@jupyterlab/notebook';
import { IStateDB } from '@jupyterlab/statedb';
import { code, inserter } from '../commands/code';
import { ending } from '../commands/ending';
import { lifetime } from '../commands/lifetime';
import { looking } from '../commands/looking';
import { queue } from '../commands/queue';
import { register } from '../commands/register';
import { runs } from '../commands/runs';
import { sizing } from '../commands/sizing';
import { urgent } from '../commands/urgent';
import type { Store } from '../model/store';
import { IHpc } from '../tokens';

/** Whatever a person can do, as commands. */
export const commandsPlugin: JupyterFrontEndPlugin<void> = {
  id: 'ihpc-jupyter:commands',
  description: 'Commands for HPC sites and Dask clusters.',
  autoStart: true,
  requires: [IHpc],
  optional: [ICommandPalette, INotebookTracker, IStateDB],
  activate: (
    app: JupyterFrontEnd,
    store: Store,
    palette: ICommandPalette | null,
    notebooks: INotebookTracker | null,
    states: IStateDB | null
  ) => {
    const insert = inserter(app.shell, notebooks);
    register(app, palette, [
      ...lifetime(store, states),
      ...sizing(store),
      ...runs(store),
      ...queue(store, states, insert),
      ...urgent(notebooks),
      ...code(store, insert),
      ...looking(store),
      ...ending(store, app.commands)
    ]);
  }
};
