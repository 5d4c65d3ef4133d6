import type { ReadonlyPartialJSONObject } from '@lumino/coreutils';

/** Every button is one of these; each is in the palette, too. */
export const CommandIDs = {
  newCluster: 'ihpc:new-cluster',
  scaleCluster: 'ihpc:scale-cluster',
  adaptCluster: 'ihpc:adapt-cluster',
  stopCluster: 'ihpc:stop-cluster',
  forgetCluster: 'ihpc:forget-cluster',
  retryCluster: 'ihpc:retry-cluster',
  openDashboard: 'ihpc:open-dashboard',
  insertClientCode: 'ihpc:insert-client-code',
  showScript: 'ihpc:show-script',
  showLog: 'ihpc:show-log',
  runUrgently: 'ihpc:run-urgently',
  cancelRun: 'ihpc:cancel-run',
  forgetRun: 'ihpc:forget-run',
  showRunPlan: 'ihpc:show-run-plan',
  attachRun: 'ihpc:attach-run',
  openQueue: 'ihpc:open-queue',
  whyJob: 'ihpc:why-job',
  cancelJob: 'ihpc:cancel-job',
  checkSite: 'ihpc:check-site',
  openResponsiveness: 'ihpc:open-responsiveness',
  openCluster: 'ihpc:open-cluster',
  followJobLog: 'ihpc:follow-job-log',
  toggleNotifications: 'ihpc:toggle-notifications',
  explainEnd: 'ihpc:explain-end',
  focusSideBar: 'ihpc:focus-sidebar'
} as const;

export const CATEGORY = 'HPC';

/** Arguments of the commands; whatever is left out is asked for. */
export interface ICommandArgs {
  name?: string;
  group?: string;
  target?: number;
  minimum?: number;
  maximum?: number;
  idle?: number;
  job?: string;
  site?: string;
  run?: string;
}

export function argsOf(args: ReadonlyPartialJSONObject): ICommandArgs {
  return args;
}
