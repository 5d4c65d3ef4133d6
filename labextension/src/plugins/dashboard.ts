import {
  ILayoutRestorer,
  type JupyterFrontEnd,
  type JupyterFrontEndPlugin
} from '@jupyterlab/application';
import {
  ICommandPalette,
  IFrame,
  MainAreaWidget,
  WidgetTracker
} from '@jupyterlab/apputils';
import { PageConfig, URLExt } from '@jupyterlab/coreutils';
import type { Widget } from '@lumino/widgets';
import { chooseCluster } from '../commands/choose';
import { CommandIDs } from '../commands/ids';
import { register } from '../commands/register';
import { hpcIcon } from '../icons';
import { ended, type Store } from '../model/store';
import { IHpc } from '../tokens';

const PREFIX = 'ihpc-dashboard-';

/** Dask's own dashboard of a cluster, through the Jupyter server, as a pane of the main area. */
export const dashboardPlugin: JupyterFrontEndPlugin<void> = {
  id: 'ihpc-jupyter:dashboard',
  description: 'Dask dashboards of clusters in the main area.',
  autoStart: true,
  requires: [IHpc],
  optional: [ICommandPalette, ILayoutRestorer],
  activate: (
    app: JupyterFrontEnd,
    store: Store,
    palette: ICommandPalette | null,
    restorer: ILayoutRestorer | null
  ) => {
    const panes = new WidgetTracker<MainAreaWidget<IFrame>>({
      namespace: 'ihpc-dashboard'
    });
    const open = (name: string): void => {
      const id = PREFIX + name;
      let pane = panes.find(one => one.id === id);
      if (!pane) {
        pane = new MainAreaWidget({ content: dashboard(name) });
        pane.id = id;
        pane.title.label = `Dask: ${name}`;
        pane.title.icon = hpcIcon;
        pane.title.closable = true;
        app.shell.add(pane, 'main', { mode: 'split-right' });
        void panes.add(pane);
      }
      app.shell.activateById(pane.id);
    };
    register(app, palette, [
      {
        id: CommandIDs.openDashboard,
        label: 'Open Dask Dashboard…',
        caption: 'Open the Dask dashboard of a cluster beside the notebook',
        failure: 'The dashboard cannot be opened',
        execute: async ({ name }) => {
          if (name !== undefined && store.state.revision < 0) {
            open(name);
            return;
          }
          const title = 'Dashboard of which cluster?';
          const alive = await chooseCluster(store, name, title, c => !ended(c));
          if (alive) {
            open(alive.name);
          }
        }
      }
    ]);
    if (restorer) {
      void restorer.restore(panes, {
        command: CommandIDs.openDashboard,
        args: pane => ({ name: clusterOf(pane) }),
        name: pane => pane.id
      });
    }
    // A pane that was restored before the server was heard may be of a cluster that is gone.
    store.changed.connect(() => {
      if (store.state.revision >= 0) {
        panes
          .filter(pane => !store.cluster(clusterOf(pane)))
          .forEach(pane => pane.dispose());
      }
    });
  }
};

function clusterOf(pane: Widget): string {
  return pane.id.slice(PREFIX.length);
}

function dashboard(name: string): IFrame {
  const frame = new IFrame({
    sandbox: ['allow-scripts', 'allow-same-origin', 'allow-popups'],
    loading: 'eager'
  });
  frame.url = URLExt.join(
    PageConfig.getBaseUrl(),
    'ihpc',
    'dashboard',
    encodeURIComponent(name),
    'status'
  );
  frame.title.label = name;
  frame.node
    .querySelector('iframe')
    ?.setAttribute('title', `Dask dashboard of ${name}`);
  return frame;
}
