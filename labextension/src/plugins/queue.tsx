import {
  ILayoutRestorer,
  type JupyterFrontEnd,
  type JupyterFrontEndPlugin
} from '@jupyterlab/application';
import { ICommandPalette } from '@jupyterlab/apputils';
import { ILauncher } from '@jupyterlab/launcher';
import { UseSignal } from '@jupyterlab/ui-components';
import React from 'react';
import { actionsOf } from '../commands/actions';
import { CommandIDs } from '../commands/ids';
import type { IActions } from '../components/actions';
import { QueuePane } from '../components/QueuePane';
import { Clock } from '../components/ticker';
import { queueIcon } from '../icons';
import type { Store } from '../model/store';
import { IHpc } from '../tokens';
import { LookingWidget } from './looking';
import { addPane } from './panes';

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
    addPane(
      { app, palette, launcher, restorer },
      {
        id: 'ihpc-queue',
        command: CommandIDs.openQueue,
        label: 'Queue',
        caption: 'Jobs in the queue, and why they wait',
        icon: queueIcon,
        failure: 'The queue cannot be opened',
        rank: 1,
        title: () => 'Queue',
        make: () => new QueueWidget(store, actions)
      }
    );
  }
};
