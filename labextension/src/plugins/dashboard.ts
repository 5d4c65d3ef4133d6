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
import { chooseCluster } from '../commands/choose';
import { CommandIDs } from '../commands/ids';
import { register } from '../commands/register';
import { hpcIcon } from '../icons';
import { ended, type Store } from '../model/store';
import { IHpc } from '../tokens';

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
      const id = `ihpc-dashboard-${name}`;
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
          const title = 'Dashboard of which cluster?';
          const alive = await chooseCluster(store, name, title, c => !ended(c));
          if (alive) {
            open(alive.name);
          }
        }
      }
    ]);
    if (restorer) {
      const prefix = 'ihpc-dashboard-';
      void restorer.restore(panes, {
        command: CommandIDs.openDashboard,
        args: pane => ({ name: pane.id.slice(prefix.length) }),
        name: pane => pane.id
      });
    }
  }
};

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
