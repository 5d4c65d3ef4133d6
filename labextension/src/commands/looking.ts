import { showLog } from '../dialogs/Log';
import { pick } from '../dialogs/Pick';
import { showReport } from '../dialogs/Report';
import { showText } from '../dialogs/Text';
import type { Store } from '../model/store';
import type { LogTail } from '../wire';
import { chooseCluster, chooseGroup } from './choose';
import { CommandIDs, type ICommandArgs } from './ids';
import type { ICommand } from './register';

/** What only reads: script, log, the doctor. */
export function looking(store: Store): ICommand[] {
  return [
    {
      id: CommandIDs.showScript,
      label: 'Show Batch Script…',
      caption:
        'Show the batch script of a group and the command that submits it',
      failure: 'The script cannot be shown',
      execute: args => script(store, args)
    },
    {
      id: CommandIDs.showLog,
      label: 'Show Job Log…',
      caption: 'Show the end of a job’s log, and follow it',
      failure: 'The log cannot be shown',
      execute: args => log(store, args)
    },
    {
      id: CommandIDs.checkSite,
      label: 'Check Site…',
      caption: 'Let the doctor look at a site, and read the report',
      failure: 'The site was not checked',
      execute: args => check(store, args)
    }
  ];
}

async function script(store: Store, args: ICommandArgs): Promise<void> {
  const cluster = await chooseCluster(store, args.name, 'Script of which?');
  const group = cluster && (await chooseGroup(cluster, args.group));
  if (group) {
    const answer = await store.script(cluster.name, group.name);
    await showText({
      title: `Batch script of ${cluster.name}, group ${group.name}`,
      line: { name: 'Submitted with', text: answer.command },
      text: answer.text,
      empty: 'The script is empty.'
    });
  }
}

async function log(store: Store, args: ICommandArgs): Promise<void> {
  const cluster = await chooseCluster(store, args.name, 'Log of which?');
  if (!cluster) {
    return;
  }
  const jobs = Object.values(cluster.groups).flatMap(group => group.jobs);
  const ids = jobs.map(job => job.id);
  const job = args.job ?? (await pick(`Job of ${cluster.name}`, ids));
  if (job !== null) {
    const read = (after?: number): Promise<LogTail> =>
      store.log(cluster.name, job, after);
    await showLog(await read(), read);
  }
}

async function check(store: Store, args: ICommandArgs): Promise<void> {
  const names = store.state.sites.map(one => one.site.name);
  const site = args.site ?? (await pick('Check which site?', names));
  if (site !== null) {
    await showReport(await store.checkSite(site));
  }
}
