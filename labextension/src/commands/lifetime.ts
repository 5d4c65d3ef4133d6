import type { IStateDB } from '@jupyterlab/statedb';
import { askNewCluster } from '../dialogs/NewCluster';
import { confirmStop } from '../dialogs/Stop';
import {
  firstDraft,
  type IDraft,
  type Remembered,
  toSpec
} from '../model/draft';
import { ended, type Store } from '../model/store';
import { IhpcError } from '../errors';
import { chooseCluster } from './choose';
import { CommandIDs } from './ids';
import type { ICommand } from './register';

const LAST = 'ihpc-jupyter:last-choices';

/** From birth to end: new, retry, stop, forget. */
export function lifetime(store: Store, states: IStateDB | null): ICommand[] {
  return [
    {
      id: CommandIDs.newCluster,
      label: 'New Cluster…',
      caption: 'Ask for a Dask cluster with workers in batch jobs',
      failure: 'No cluster was made',
      execute: () => create(store, states)
    },
    {
      id: CommandIDs.retryCluster,
      label: 'Retry Cluster Now…',
      caption: 'Ask the batch system again now instead of after the pause',
      failure: 'The cluster was not retried',
      execute: async ({ name }) => {
        const one = await chooseCluster(store, name, 'Retry which cluster?');
        await (one && store.retry(one.name));
      }
    },
    {
      id: CommandIDs.stopCluster,
      label: 'Stop Cluster…',
      caption: 'End a cluster with its workers and their jobs',
      failure: 'The cluster was not stopped',
      execute: async ({ name }) => {
        const one = await chooseCluster(
          store,
          name,
          'Stop which cluster?',
          cluster => !ended(cluster) && cluster.holder === null
        );
        if (one && (await confirmStop(one))) {
          await store.remove(one.name);
        }
      }
    },
    {
      id: CommandIDs.forgetCluster,
      label: 'Forget Ended Cluster…',
      caption: 'Take a stopped or failed cluster off the list',
      failure: 'The cluster was not forgotten',
      execute: async ({ name }) => {
        const title = 'Forget which cluster?';
        const one = await chooseCluster(store, name, title, ended);
        await (one && store.remove(one.name));
      }
    }
  ];
}

/** The form, with a *wish* in it where there is one; again with the reason as long as the server refuses it. */
export async function create(
  store: Store,
  states: IStateDB | null,
  wish: Partial<IDraft> = {}
): Promise<void> {
  if (!store.state.sites.length) {
    throw new IhpcError(
      503,
      'No site is known yet.',
      'Wait until the side bar shows one, then try again.'
    );
  }
  const last = ((await states?.fetch(LAST)) ?? {}) as Remembered;
  let draft = firstDraft(store.state.sites, store.state.clusters, {
    ...last,
    ...wish
  });
  let error: IhpcError | null = null;
  for (;;) {
    const { sites, clusters } = store.state;
    const taken = clusters.map(one => one.name);
    const answer = await askNewCluster(sites, taken, draft, error);
    if (!answer) {
      return;
    }
    draft = answer;
    try {
      await store.create(toSpec(draft));
      const { name: _, ...choices } = { ...draft, minutes: null };
      await states?.save(LAST, { ...choices, own: { ...choices.own } });
      return;
    } catch (reason) {
      error = IhpcError.from(reason);
    }
  }
}
