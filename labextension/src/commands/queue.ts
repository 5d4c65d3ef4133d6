import { InputDialog } from '@jupyterlab/apputils';
import { confirmCancelJobs } from '../dialogs/CancelJobs';
import { pick } from '../dialogs/Pick';
import { showWhy } from '../dialogs/Why';
import { IhpcError } from '../errors';
import { kept, reach } from '../model/queue';
import type { Store } from '../model/store';
import type { QueueRow } from '../wire';
import { CommandIDs, type ICommandArgs } from './ids';
import type { ICommand } from './register';

/** Jobs in the queue: why they wait, and letting them go. */
export function queue(store: Store): ICommand[] {
  return [
    {
      id: CommandIDs.whyJob,
      label: 'Why Does My Job Wait?…',
      caption: 'Explain why a job waits, or how it ended',
      failure: 'The job cannot be explained',
      execute: args => why(store, args)
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

async function why(store: Store, args: ICommandArgs): Promise<void> {
  const site = await chooseSite(store, args, 'Job at which site?');
  const job = site && (args.job ?? (await typed('Why does which job wait?')));
  if (job) {
    await showWhy(await store.why(site, job));
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
  if (await confirmCancelJobs(row, what)) {
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
