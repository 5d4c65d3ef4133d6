import {
  ILayoutRestorer,
  type JupyterFrontEnd,
  type JupyterFrontEndPlugin
} from '@jupyterlab/application';
import { ICommandPalette } from '@jupyterlab/apputils';
import { ILauncher } from '@jupyterlab/launcher';
import React from 'react';
import { Api } from '../api';
import { actionsOf } from '../commands/actions';
import { CommandIDs } from '../commands/ids';
import { ClusterPast } from '../components/ClusterPast';
import { hpcIcon } from '../icons';
import { Past } from '../model/past';
import type { Store } from '../model/store';
import { IHpc } from '../tokens';
import { LivePane } from './live';
import { addPane, choosing, closeWhenGone } from './panes';

/** A pane for each cluster: workers, tasks, memory, transfer over time. */
export const clusterPlugin: JupyterFrontEndPlugin<void> = {
  id: 'ihpc-jupyter:cluster',
  description: 'Live charts of a cluster: workers, tasks, memory, transfer.',
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
    const panes = addPane(
      { app, palette, launcher, restorer },
      {
        id: 'ihpc-cluster-',
        command: CommandIDs.openCluster,
        label: 'Cluster over Time…',
        caption: 'Workers, tasks, memory and transfer of a cluster, over time',
        icon: hpcIcon,
        failure: 'The pane cannot be opened',
        title: name => `Cluster ${name}`,
        make: name => {
          const past = new Past(
            name,
            new Api(app.serviceManager.serverSettings)
          );
          return new LivePane(store, past, () => (
            <ClusterPast past={past} store={store} actions={actions} />
          ));
        },
        choose: choosing(app, store, 'Which cluster?', () => true)
      }
    );
    closeWhenGone(app, panes, store, 'ihpc-cluster-');
  }
};
