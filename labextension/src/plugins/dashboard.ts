import {
  ILayoutRestorer,
  type JupyterFrontEnd,
  type JupyterFrontEndPlugin
} from '@jupyterlab/application';
import { ICommandPalette, IFrame } from '@jupyterlab/apputils';
import { PageConfig, URLExt } from '@jupyterlab/coreutils';
import { CommandIDs } from '../commands/ids';
import { hpcIcon } from '../icons';
import { ended, type Store } from '../model/store';
import { IHpc } from '../tokens';
import { addPane, choosing, closeWhenGone } from './panes';

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
    const panes = addPane(
      { app, palette, launcher: null, restorer },
      {
        id: PREFIX,
        command: CommandIDs.openDashboard,
        label: 'Open Dask Dashboard…',
        caption: 'Open the Dask dashboard of a cluster beside the notebook',
        icon: hpcIcon,
        failure: 'The dashboard cannot be opened',
        beside: true,
        title: name => `Dask: ${name}`,
        make: dashboard,
        choose: choosing(
          app,
          store,
          'Dashboard of which cluster?',
          cluster => !ended(cluster)
        )
      }
    );
    closeWhenGone(app, panes, store, PREFIX);
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
