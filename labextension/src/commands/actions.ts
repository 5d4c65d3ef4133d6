import type { CommandRegistry } from '@lumino/commands';
import type { IActions } from '../components/actions';
import type { Store } from '../model/store';
import { CommandIDs } from './ids';

/** The buttons of the views: each runs the command of the same name. */
export function actionsOf(commands: CommandRegistry, store: Store): IActions {
  const run = (id: string, args: Record<string, string | number> = {}): void =>
    void commands.execute(id, args);
  return {
    newCluster: () => run(CommandIDs.newCluster),
    scale: (name, group, target) =>
      run(CommandIDs.scaleCluster, { name, group, target }),
    adapt: (name, group, adapt) =>
      run(CommandIDs.adaptCluster, { name, group, ...adapt }),
    dismiss: (name, group) => store.dismiss(name, group),
    retry: name => run(CommandIDs.retryCluster, { name }),
    stop: name => run(CommandIDs.stopCluster, { name }),
    forget: name => run(CommandIDs.forgetCluster, { name }),
    openDashboard: name => run(CommandIDs.openDashboard, { name }),
    insertClientCode: name => run(CommandIDs.insertClientCode, { name }),
    showScript: (name, group) =>
      run(CommandIDs.showScript, group ? { name, group } : { name }),
    showLog: (name, job) => run(CommandIDs.showLog, { name, job }),
    cancelRun: id => run(CommandIDs.cancelRun, { run: id }),
    forgetRun: id => run(CommandIDs.forgetRun, { run: id }),
    showPlan: id => run(CommandIDs.showRunPlan, { run: id }),
    insertAttachCode: id => run(CommandIDs.attachRun, { run: id }),
    openQueue: () => run(CommandIDs.openQueue),
    whyJob: (site, job) => run(CommandIDs.whyJob, { site, job }),
    followJobLog: (site, job) => run(CommandIDs.followJobLog, { site, job }),
    array: (site, array) => store.jobs.array(site, array),
    cancelJob: (site, job) => run(CommandIDs.cancelJob, { site, job }),
    openCluster: name => run(CommandIDs.openCluster, { name }),
    explainEnd: () => run(CommandIDs.explainEnd),
    checkSite: site => run(CommandIDs.checkSite, { site }),
    reconnect: () => store.reconnect()
  };
}
