import type { AdaptRequest } from '../wire';

/** What a person can do from a view; views never fetch. */
export interface IActions {
  newCluster(): void;
  scale(name: string, group: string, target: number): void;
  adapt(name: string, group: string, adapt: AdaptRequest): void;
  dismiss(name: string, group: string): void;
  retry(name: string): void;
  stop(name: string): void;
  forget(name: string): void;
  openDashboard(name: string): void;
  insertClientCode(name: string): void;
  showScript(name: string, group?: string): void;
  showLog(name: string, job: string): void;
  cancelRun(id: string): void;
  forgetRun(id: string): void;
  showPlan(id: string): void;
  insertAttachCode(id: string): void;
  openQueue(): void;
  whyJob(site: string, job: string): void;
  cancelJob(site: string, job: string): void;
  checkSite(site: string): void;
  reconnect(): void;
}
