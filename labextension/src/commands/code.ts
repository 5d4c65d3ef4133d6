import { Clipboard, Notification } from '@jupyterlab/apputils';
import { type INotebookTracker, NotebookActions } from '@jupyterlab/notebook';
import { attachCode } from '../model/runs';
import type { Store } from '../model/store';
import { chooseCluster } from './choose';
import { CommandIDs } from './ids';
import type { ICommand } from './register';
import { chooseRun } from './runs';

/** Code that connects a notebook to a cluster or to a run. */
export function code(
  store: Store,
  notebooks: INotebookTracker | null
): ICommand[] {
  return [
    {
      id: CommandIDs.insertClientCode,
      label: 'Insert Client Code…',
      caption: 'Insert code that connects the current notebook to a cluster',
      failure: 'No code was inserted',
      execute: async ({ name }) => {
        const one = await chooseCluster(store, name, 'Connect to which?');
        if (one) {
          insert(clientCode(one.name), notebooks);
        }
      }
    },
    {
      id: CommandIDs.attachRun,
      label: 'Insert Attach Code of Urgent Run…',
      caption: 'Insert code that brings output and result of a run here',
      failure: 'No code was inserted',
      execute: async args => {
        const run = await chooseRun(store, args.run, 'Attach to which run?');
        if (run) {
          insert(attachCode(run.id), notebooks);
        }
      }
    }
  ];
}

export function clientCode(name: string): string {
  return [
    'from ihpc_jupyter import Cluster',
    '',
    `cluster = Cluster(${JSON.stringify(name)})`,
    'client = cluster.client()',
    'cluster'
  ].join('\n');
}

/** Into the active cell where that is empty, else into a new one below it. */
export function insert(text: string, notebooks: INotebookTracker | null): void {
  const notebook = notebooks?.currentWidget?.content;
  if (!notebook?.model || notebook.model.readOnly) {
    Clipboard.copyToSystem(text);
    Notification.info('No notebook is open: the code is on the clipboard.', {
      autoClose: 5000
    });
    return;
  }
  const active = notebook.activeCell?.model;
  if (active?.type !== 'code' || active.sharedModel.getSource().trim()) {
    NotebookActions.insertBelow(notebook);
  }
  const cell = notebook.activeCell;
  cell?.model.sharedModel.setSource(text);
  notebook.mode = 'edit';
  notebook.activate();
  // A person types on behind it: an editor that was just made is there a moment later.
  void cell?.ready.then(() => {
    const end = cell.editor?.getPositionAt(text.length);
    if (end) {
      cell.editor?.setCursorPosition(end);
    }
  });
}
