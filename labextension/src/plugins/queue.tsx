import {
  ILayoutRestorer,
  type JupyterFrontEnd,
  type JupyterFrontEndPlugin
} from '@jupyterlab/application';
import {
  ICommandPalette,
  MainAreaWidget,
  WidgetTracker
} from '@jupyterlab/apputils';
import { ILauncher } from '@jupyterlab/launcher';
import { UseSignal } from '@jupyterlab/ui-components';
import React from 'react';
import { actionsOf } from '../commands/actions';
import { CATEGORY, CommandIDs } from '../commands/ids';
import { register } from '../commands/register';
import type { IActions } from '../components/actions';
import { QueuePane } from '../components/QueuePane';
import { Clock } from '../components/ticker';
import { queueIcon } from '../icons';
import type { Store } from '../model/store';
import { IHpc } from '../tokens';
import { LookingWidget } from './looking';

const ID = 'ihpc-queue';

class QueueWidget extends LookingWidget {
  constructor(
    store: Store,
    private readonly actions: IActions
  ) {
    super(store);
    this.addClass('ihpc-View');
    this.node.setAttribute('role', 'region');
    this.node.setAttribute('aria-label', 'Queue');
  }

  protected render(): React.ReactElement {
    const now = (): number => this.store.now();
    return (
      <Clock.Provider value={now}>
        <UseSignal signal={this.store.changed}>
          {() => <QueuePane store={this.store} actions={this.actions} />}
        </UseSignal>
      </Clock.Provider>
    );
  }
}

/** The pane "Queue" in the main area. */
export const queuePlugin: JupyterFrontEndPlugin<void> = {
  id: 'ihpc-jupyter:queue',
  description: 'Jobs in the queue, and why they wait.',
  autoStart: true,
  requires: [IHpc],
  optional: [ICommandPalette, ILauncher, ILayoutRestorer],
  activate: (
    app: JupyterFrontEnd,
    store: Store,
    palette: ICommandPalette | null,
    launcher: ILauncher | null,
    restorer: ILayoutRestorer | null
  ) => {
    const actions = actionsOf(app.commands, store);
    const panes = new WidgetTracker<MainAreaWidget>({ namespace: ID });
    const open = (): void => {
      let pane = panes.find(one => one.id === ID);
      if (!pane) {
        pane = new MainAreaWidget({ content: new QueueWidget(store, actions) });
        pane.id = ID;
        pane.title.label = 'Queue';
        pane.title.icon = queueIcon;
        pane.title.closable = true;
        app.shell.add(pane, 'main');
        void panes.add(pane);
      }
      app.shell.activateById(pane.id);
    };
    register(app, palette, [
      {
        id: CommandIDs.openQueue,
        label: 'Queue',
        caption: 'Jobs in the queue, and why they wait',
        icon: queueIcon,
        failure: 'The queue cannot be opened',
        execute: open
      }
    ]);
    launcher?.add({
      command: CommandIDs.openQueue,
      category: CATEGORY,
      rank: 1
    });
    if (restorer) {
      void restorer.restore(panes, {
        command: CommandIDs.openQueue,
        name: pane => pane.id
      });
    }
  }
};
