import type { IDisposable } from '@lumino/disposable';
import { type ISignal, Signal } from '@lumino/signaling';
import type { Api } from '../api';
import type {
  ClusterView,
  CreateCluster,
  LogTail,
  PatchGroup,
  Report,
  RunView,
  Script,
  SiteStatus
} from '../wire';
import { Asks, type IAsk } from './asks';
import { Feed, type IFeedStatus } from './feed';
import { Queues } from './queues';
import { over } from './runs';
import {
  type IState,
  withCluster,
  withoutCluster,
  withoutRun,
  withRun
} from './state';

/** What the browser knows of sites, clusters and runs, and what it asked for: one for all views. */
export class Store implements IDisposable {
  constructor(private readonly api: Api) {
    this.jobs = api;
    this.feed = new Feed(api);
    this.queues = new Queues(api, () => this.emit());
    this.feed.changed.connect(() => {
      this.queues.follow(this.state.sites);
      this.emit();
    });
    this.feed.connect();
  }

  get changed(): ISignal<this, void> {
    return this._changed;
  }

  get state(): IState {
    return this.feed.state;
  }

  get status(): IFeedStatus {
    return this.feed.status;
  }

  /** Clusters asked for that the server has not named yet. */
  get creating(): readonly CreateCluster[] {
    return this._creating;
  }

  get isDisposed(): boolean {
    return this.feed.isDisposed;
  }

  /** The server's clock, in seconds since 1970. */
  now(): number {
    return this.feed.now();
  }

  cluster(name: string): ClusterView | undefined {
    return this.state.clusters.find(one => one.name === name);
  }

  run(id: string): RunView | undefined {
    return this.state.runs.find(one => one.id === id);
  }

  site(name: string): SiteStatus | undefined {
    return this.state.sites.find(one => one.site.name === name);
  }

  ask(cluster: string, group: string): IAsk | undefined {
    return this._asks.of(cluster, group);
  }

  /** Sets a group's target or bounds. Never throws: a refusal becomes the group's `ask.error`. */
  patch(cluster: string, group: string, patch: PatchGroup): Promise<void> {
    return this._asks.ask(cluster, group, patch, wish =>
      this.api.patchCluster(cluster, { groups: { [group]: wish } })
    );
  }

  dismiss(cluster: string, group: string): void {
    this._asks.dismiss(cluster, group);
  }

  async create(spec: CreateCluster): Promise<void> {
    this._creating = [...this._creating, spec];
    this.emit();
    try {
      this.take(await this.api.createCluster(spec));
    } finally {
      this._creating = this._creating.filter(one => one !== spec);
      this.emit();
    }
  }

  async retry(name: string): Promise<void> {
    this.take(await this.api.retryCluster(name));
  }

  /** Stops a cluster, or forgets one that has ended. */
  async remove(name: string): Promise<void> {
    const before = this.cluster(name);
    if (before && !ended(before)) {
      this.take({ ...before, state: 'stopping' });
    }
    try {
      const after = await this.api.deleteCluster(name);
      this.feed.amend(state =>
        after ? withCluster(state, after) : withoutCluster(state, name)
      );
    } catch (error) {
      if (before && this.cluster(name)?.state === 'stopping') {
        this.take(before);
      }
      throw error;
    }
  }

  /** What a core-hour costs in a run's lane; nothing where the site says no more of it. */
  factor(run: RunView): number {
    return this.site(run.site)?.site.lanes[run.lane]?.cost_factor ?? 0;
  }

  /** Whether a run is asked to end and has not yet: no state of its own, so it is remembered here. */
  cancelling(run: RunView): boolean {
    return this._cancelling.has(run.id) && !over(run);
  }

  /** Cancels a run, or forgets one that has ended; undefined where it is forgotten. */
  async removeRun(id: string): Promise<RunView | undefined> {
    this._cancelling.add(id);
    this.emit();
    try {
      const after = await this.api.deleteRun(id);
      if (!after || over(after)) {
        this._cancelling.delete(id);
      }
      this.feed.amend(state =>
        after ? this.newer(state, after) : withoutRun(state, id)
      );
      return after;
    } catch (error) {
      this._cancelling.delete(id);
      this.emit();
      throw error;
    }
  }

  /** Cancels a job of mine, or the (waiting) jobs of an array, and reads the queue again. */
  async cancelJobs(site: string, job: string, waiting: boolean): Promise<void> {
    await this.api.cancelJobs(site, job, waiting);
    void this.queues.ask(site, false);
  }

  checkSite(name: string): Promise<Report> {
    return this.api.checkSite(name);
  }

  script(cluster: string, group: string): Promise<Script> {
    return this.api.script(cluster, group);
  }

  /** The end of the log of a cluster's job; with *after*, what stands behind that byte. */
  log(cluster: string, job: string, after?: number): Promise<LogTail> {
    return this.api.log(cluster, job, after);
  }

  reconnect(): void {
    this.feed.connect();
  }

  dispose(): void {
    this.feed.dispose();
    this.queues.dispose();
    Signal.clearData(this);
  }

  // Of an answer to a wish only the wish itself is taken: the stream may already know newer counts.
  private settle(group: string, answer: ClusterView): void {
    const known = this.cluster(answer.name);
    const mine = known?.groups[group];
    const theirs = answer.groups[group];
    if (!known || !mine || !theirs) {
      this.take(answer);
      return;
    }
    const { target, adapt, maximum } = theirs;
    const groups = {
      ...known.groups,
      [group]: { ...mine, target, adapt, maximum }
    };
    this.take({ ...known, groups });
  }

  // The stream may have told the end before the answer to our wish is there.
  private newer(state: IState, answer: RunView): IState {
    const known = state.runs.find(one => one.id === answer.id);
    return known && over(known) ? state : withRun(state, answer);
  }

  private take(cluster: ClusterView): void {
    this.feed.amend(state => withCluster(state, cluster));
  }

  private emit(): void {
    this._changed.emit();
  }

  /** What is asked about single jobs. */
  readonly jobs: Pick<Api, 'whyJob' | 'jobOffers' | 'jobLog' | 'array'>;
  /** The jobs of all sites. */
  readonly queues: Queues;
  private readonly feed: Feed;
  private readonly _cancelling = new Set<string>();
  private _creating: readonly CreateCluster[] = [];
  private readonly _changed = new Signal<this, void>(this);
  private readonly _asks = new Asks(
    () => this.emit(),
    (group, cluster) => this.settle(group, cluster)
  );
}

/** Whether nothing of a cluster runs any more: it can be forgotten. */
export function ended(cluster: ClusterView): boolean {
  return cluster.state === 'stopped' || cluster.state === 'failed';
}
