import type { AdaptRequest, Queue } from '../wire';

/** What a person can do from a view; views fetch nothing but by these. */
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
  followJobLog(site: string, job: string): void;
  /** The jobs of an array of mine, one by one. */
  array(site: string, array: string): Promise<Queue>;
  cancelJob(site: string, job: string): void;
  openCluster(name: string): void;
  explainEnd(): void;
  checkSite(site: string): void;
  reconnect(): void;
}
