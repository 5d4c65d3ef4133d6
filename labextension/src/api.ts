import type { ServerConnection } from '@jupyterlab/services';
import type { IMeterSource, ITrip } from './model/measuring';
import { openStream, request, roundTrip } from './request';
import type {
  About,
  Cancellation,
  ClusterView,
  CreateCluster,
  Explanation,
  LogTail,
  PatchCluster,
  Queue,
  Report,
  Responsiveness,
  RunView,
  Script,
  Snapshot,
  StartOffers,
  Timeline
} from './wire';

const word = encodeURIComponent;

/** The endpoints of `docs/api.md`, one method each. */
export class Api implements IMeterSource {
  constructor(private readonly settings: ServerConnection.ISettings) {}

  stream(): WebSocket {
    return openStream(this.settings);
  }

  about(): Promise<About> {
    return request(this.settings, 'about');
  }

  snapshot(): Promise<Snapshot> {
    return request(this.settings, 'snapshot');
  }

  /** All series of the last seconds; nothing for who has that revision already. */
  responsiveness(
    window: number,
    after: number
  ): Promise<Responsiveness | undefined> {
    const known = after < 0 ? '' : `&after=${after}`;
    return request(this.settings, `responsiveness?window=${window}${known}`);
  }

  /** A cluster over the last seconds; nothing for who has that revision already. */
  timeline(
    name: string,
    window: number,
    after: number
  ): Promise<Timeline | undefined> {
    const known = after < 0 ? '' : `&after=${after}`;
    const path = `clusters/${word(name)}/timeline?window=${window}${known}`;
    return request(this.settings, path);
  }

  /** What would start sooner than a waiting job. */
  jobOffers(site: string, job: string): Promise<StartOffers> {
    const path = `sites/${word(site)}/jobs/${word(job)}/offers`;
    return request(this.settings, path);
  }

  /** How long the way to the server and from there to the agent takes, there and back. */
  roundTrip(): Promise<ITrip> {
    return roundTrip(this.settings);
  }

  checkSite(site: string): Promise<Report> {
    return this.send('POST', `sites/${word(site)}/check`);
  }

  /** My jobs as the agent knows them, or everybody's, for which the batch system is asked. *looks*: somebody sees them. */
  jobs(site: string, everybody: boolean, looks: boolean): Promise<Queue> {
    const words = [
      ...(everybody ? ['all=true'] : []),
      ...(looks ? ['look=true'] : [])
    ];
    const query = words.length ? `?${words.join('&')}` : '';
    return request(this.settings, `sites/${word(site)}/jobs${query}`);
  }

  whyJob(site: string, job: string): Promise<Explanation> {
    const path = `sites/${word(site)}/jobs/${word(job)}/why`;
    return request(this.settings, path);
  }

  /** Cancels a job, or all (with *waiting*: the waiting ones) of an array. */
  cancelJobs(
    site: string,
    job: string,
    waiting: boolean
  ): Promise<Cancellation> {
    const path = `sites/${word(site)}/jobs/${word(job)}`;
    return this.send('DELETE', waiting ? `${path}?waiting=true` : path);
  }

  createCluster(spec: CreateCluster): Promise<ClusterView> {
    return this.send('POST', 'clusters', spec);
  }

  patchCluster(name: string, patch: PatchCluster): Promise<ClusterView> {
    return this.send('PATCH', `clusters/${word(name)}`, patch);
  }

  retryCluster(name: string): Promise<ClusterView> {
    return this.send('POST', `clusters/${word(name)}/retry`);
  }

  /** Stops a cluster; forgets one that has stopped or failed (then there is no answer). */
  deleteCluster(name: string): Promise<ClusterView | undefined> {
    return this.send('DELETE', `clusters/${word(name)}`);
  }

  script(name: string, group: string): Promise<Script> {
    return request(
      this.settings,
      `clusters/${word(name)}/script?group=${word(group)}`
    );
  }

  /** The end of a log; with *after*, what stands behind that byte. */
  log(name: string, job: string, after?: number): Promise<LogTail> {
    const from = after === undefined ? '' : `&after=${after}`;
    const path = `clusters/${word(name)}/log?job=${word(job)}${from}`;
    return request(this.settings, path);
  }

  jobLog(site: string, job: string, after?: number): Promise<LogTail> {
    const from = after === undefined ? '' : `?after=${after}`;
    const path = `sites/${word(site)}/jobs/${word(job)}/log${from}`;
    return request(this.settings, path);
  }

  /** The jobs of an array of mine, one by one. */
  array(site: string, array: string): Promise<Queue> {
    const path = `sites/${word(site)}/jobs?array=${word(array)}`;
    return request(this.settings, path);
  }

  /** Cancels a run; forgets one that has ended (then there is no answer). */
  deleteRun(id: string): Promise<RunView | undefined> {
    return this.send('DELETE', `runs/${word(id)}`);
  }

  private send<T>(method: string, path: string, body?: object): Promise<T> {
    return request(this.settings, path, {
      method,
      body: body && JSON.stringify(body)
    });
  }
}
