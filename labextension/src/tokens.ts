import { Token } from '@lumino/coreutils';
import type { Store } from './model/store';

/** The one store that all views read. */
export const IHpc = new Token<Store>(
  'ihpc-jupyter:IHpc',
  'What the browser knows of HPC sites and Dask clusters.'
);
