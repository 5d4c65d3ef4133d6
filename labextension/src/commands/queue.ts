import { InputDialog } from '@jupyterlab/apputils';
import type { IStateDB } from '@jupyterlab/statedb';
import type { IOffering } from '../components/Offers';
import { confirmCancelJobs } from '../dialogs/CancelJobs';
import { showFailure } from '../dialogs/Failure';
import { showLog } from '../dialogs/Log';
import { pick } from '../dialogs/Pick';
import { showWhy } from '../dialogs/Why';
import { IhpcError } from '../errors';
import { asDraft, urgentLine } from '../model/offers';
import { arrayOf, kept, reach, waits } from '../model/queue';
import type { Store } from '../model/store';
import type { LogTail, QueueRow } from '../wire';
import type { Insert } from './code';
import { CommandIDs, type ICommandArgs } from './ids';
import { create } from './lifetime';
import type { ICommand } from './register';

/** Jobs in the queue: why they wait, what would start sooner, and letting them go. */
export function queue(
  store: Store,
  states: IStateDB | null,
  insert: Insert
): ICommand[] {
  return [
    {
      id: CommandIDs.whyJob,
      label: 'Why Does My Job Wait?…',
      caption: 'Explain why a job waits, or how it ended',
      failure: 'The job cannot be explained',
      execute: args =>
        why(store, args, (site, job) =>
          offering(store, states, insert, site, job)
        )
    },
    {
      id: CommandIDs.followJobLog,
      label: 'Follow Log of My Job…',
      caption: 'Show what a job of yours has written, and follow it',
      failure: 'The log cannot be shown',
      execute: args => log(store, args)
    },
    {
      id: CommandIDs.cancelJob,
      label: 'Cancel Job…',
      caption: 'Cancel a job of yours, or the jobs of an array',
      failure: 'The job was not cancelled',
      execute: args => cancel(store, args)
    }
  ];
}

async function why(
  store: Store,
  args: ICommandArgs,
  offered: (site: string, job: string) => IOffering
): Promise<void> {
  const site = await chooseSite(store, args, 'Job at which site?');
  const job = site && (args.job ?? (await typed('Why does which job wait?')));
  if (job) {
    await showWhy(job, store.jobs.whyJob(site, job), answer => {
      const mine = store.queues
        .of(site)
        .queue?.rows.some(
          row => row.mine && arrayOf(row) === job.split('_')[0] && waits(row)
        );
      return mine && answer.offers ? offered(site, job) : null;
    });
  }
}

function offering(
  store: Store,
  states: IStateDB | null,
  insert: Insert,
  site: string,
  job: string
): IOffering {
  return {
    load: () => store.jobs.jobOffers(site, job),
    onCluster: offer => {
      const status = store.site(offer.site);
      if (status) {
        create(store, states, asDraft(offer, status)).catch(
          (reason: unknown) => void showFailure('No cluster was made', reason)
        );
      }
    },
    isUrgent: offer => urgentLine(offer) !== null,
    onUrgent: offer => insert(urgentLine(offer) ?? '')
  };
}

async function log(store: Store, args: ICommandArgs): Promise<void> {
  const site = await chooseSite(store, args, 'Job at which site?');
  const job = site && (args.job ?? (await typed('Log of which job?')));
  if (job) {
    const read = (after?: number): Promise<LogTail> =>
      store.jobs.jobLog(site, job, after);
    await showLog(await read(), read);
  }
}

async function cancel(store: Store, args: ICommandArgs): Promise<void> {
  const site = await chooseSite(store, args, 'Cancel at which site?');
  const id = site && (args.job ?? (await typed('Cancel which job?')));
  if (!id) {
    return;
  }
  if (!store.queues.of(site).queue) {
    await store.queues.ask(site, false);
  }
  const rows = store.queues.of(site).queue?.rows ?? [];
  const row = rows.find(one => one.id === id);
  if (!row) {
    throw new IhpcError(
      404,
      `You have no job ${id} at ${site}.`,
      'The queue lists yours.'
    );
  }
  refuse(row);
  const what = reach(row, rows);
  const { here } = store.state;
  const own = here?.site === site && arrayOf(here.job) === arrayOf(row);
  if (await confirmCancelJobs(row, what, own)) {
    await store.cancelJobs(site, what.id, what.waiting);
  }
}

function refuse(row: QueueRow): void {
  const instead = kept(row);
  if (instead !== null) {
    throw new IhpcError(
      409,
      `Job ${row.id} cannot be cancelled here.`,
      instead && `${instead}.`
    );
  }
}

async function chooseSite(
  store: Store,
  args: ICommandArgs,
  title: string
): Promise<string | null> {
  return (
    args.site ??
    (await pick(
      title,
      store.state.sites.map(one => one.site.name)
    ))
  );
}

async function typed(title: string): Promise<string | null> {
  const answer = await InputDialog.getText({ title, label: 'The job’s id' });
  return answer.button.accept ? (answer.value?.trim() ?? null) : null;
}
