import type { JupyterFrontEndPlugin } from '@jupyterlab/application';
import { Api } from '../api';
import { Store } from '../model/store';
import { IHpc } from '../tokens';

/** One store for all views of this page. */
export const modelPlugin: JupyterFrontEndPlugin<Store> = {
  id: 'ihpc-jupyter:model',
  description: 'What the browser knows of HPC sites and Dask clusters.',
  autoStart: true,
  provides: IHpc,
  activate: app => new Store(new Api(app.serviceManager.serverSettings))
};
