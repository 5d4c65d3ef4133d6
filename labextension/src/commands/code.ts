import type { JupyterFrontEnd } from '@jupyterlab/application';
import { Clipboard, Notification } from '@jupyterlab/apputils';
import { type INotebookTracker, NotebookActions } from '@jupyterlab/notebook';
import { attachCode } from '../model/runs';
import type { Store } from '../model/store';
import { chooseCluster } from './choose';
import { CommandIDs } from './ids';
import type { ICommand } from './register';
import { chooseRun } from './runs';

/** Code that connects a notebook to a cluster or to a run. */
export function code(store: Store, insert: Insert): ICommand[] {
  return [
    {
      id: CommandIDs.insertClientCode,
      label: 'Insert Client Code…',
      caption: 'Insert code that connects the current notebook to a cluster',
      failure: 'No code was inserted',
      execute: async ({ name }) => {
        const one = await chooseCluster(store, name, 'Connect to which?');
        if (one) {
          insert(clientCode(one.name));
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
          insert(attachCode(run.id));
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

/** Puts code where a person goes on with it. */
export type Insert = (text: string) => void;

/** Into the active cell of the last notebook where that is empty, else into a new one below it; and goes there. */
export function inserter(
  shell: JupyterFrontEnd.IShell,
  notebooks: INotebookTracker | null
): Insert {
  return text => {
    const panel = notebooks?.currentWidget;
    if (!panel?.content.model || panel.content.model.readOnly) {
      Clipboard.copyToSystem(text);
      Notification.info('No notebook is open: the code is on the clipboard.', {
        autoClose: 5000
      });
      return;
    }
    const notebook = panel.content;
    const active = notebook.activeCell?.model;
    if (active?.type !== 'code' || active.sharedModel.getSource().trim()) {
      NotebookActions.insertBelow(notebook);
    }
    const cell = notebook.activeCell;
    cell?.model.sharedModel.setSource(text);
    // A pane may be in front of it, the one that was asked for this.
    shell.activateById(panel.id);
    // A person types on behind it: once the notebook is in front and the cell has an editor.
    void cell?.ready.then(() => {
      requestAnimationFrame(() => {
        notebook.mode = 'edit';
        const end = cell.editor?.getPositionAt(text.length);
        if (end) {
          cell.editor?.setCursorPosition(end);
        }
        cell.editor?.focus();
      });
    });
  };
}
