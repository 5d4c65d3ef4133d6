import { DisposableDelegate, type IDisposable } from '@lumino/disposable';
import { IhpcError } from '../errors';
import type { Queue, SiteStatus } from '../wire';

/** What is known of one site's jobs. */
export interface IQueueState {
  readonly queue: Queue | null;
  readonly error: IhpcError | null;
  readonly asking: boolean;
}

interface ISource {
  jobs(site: string, everybody: boolean, looks: boolean): Promise<Queue>;
}

const NOTHING: IQueueState = { queue: null, error: null, asking: false };
const PAUSE = 1000;

/** A look counts for half a minute at the agent: it is renewed in time. */
const RENEW = 12_000;

/**
 * The jobs of all sites. Mine follow the batch system's answers while somebody looks, at most one
 * question a second and site, answered from what the agent knows. Everybody's are asked for by hand.
 *
 * The agent is told that somebody looks: for a page that nobody sees, and with nothing in the queue,
 * it does not ask the batch system.
 */
export class Queues implements IDisposable {
  constructor(
    private readonly source: ISource,
    private readonly changed: () => void,
    private readonly page: Document | null = globalThis.document ?? null
  ) {
    this.page?.addEventListener('visibilitychange', this.appear);
  }

  get isDisposed(): boolean {
    return this._disposed;
  }

  of(site: string, everybody = false): IQueueState {
    return this._known.get(key(site, everybody)) ?? NOTHING;
  }

  /**
   * Somebody looks at jobs, until what comes back is disposed: a pane, which is seen only while the page is,
   * or with *always* somebody who wants to be told of them in any case.
   */
  look(always = false): IDisposable {
    this._lookers += 1;
    this._always += always ? 1 : 0;
    this._renewing ??= setInterval(() => this.renew(), RENEW);
    this.appear();
    return new DisposableDelegate(() => {
      this._lookers -= 1;
      this._always -= always ? 1 : 0;
      if (this._lookers === 0) {
        clearInterval(this._renewing);
        this._renewing = undefined;
      }
    });
  }

  /** The sites as they are now: where one has answered anew, its jobs are fetched. */
  follow(sites: readonly SiteStatus[]): void {
    this._sites = sites;
    if (this._lookers === 0 || this._disposed) {
      return;
    }
    for (const { site, asked_at, health } of sites) {
      const word = `${asked_at} ${health}`;
      if (asked_at !== null && this._seen.get(site.name) !== word) {
        this.later(site.name, word);
      }
    }
  }

  /** Asks now. Never throws: a failure stands in the state, beside what was known before. */
  async ask(site: string, everybody: boolean): Promise<void> {
    const name = key(site, everybody);
    const before = this.of(site, everybody);
    if (before.asking) {
      return;
    }
    this.set(name, { ...before, asking: true });
    try {
      const queue = await this.source.jobs(site, everybody, this.seen);
      this.set(name, { queue, error: null, asking: false });
    } catch (reason) {
      const error = IhpcError.from(reason);
      this.set(name, { ...before, error, asking: false });
    }
  }

  dispose(): void {
    this._disposed = true;
    this.page?.removeEventListener('visibilitychange', this.appear);
    clearInterval(this._renewing);
    this._timers.forEach(timer => clearTimeout(timer));
    this._timers.clear();
  }

  /** Whether anybody sees the jobs, or wants to be told of them anyway. */
  private get seen(): boolean {
    return this._always > 0 || (this._lookers > 0 && !this.page?.hidden);
  }

  /** Somebody begins to see the jobs: what is known may be old. */
  private readonly appear = (): void => {
    if (this.seen) {
      this._seen.clear();
      this.follow(this._sites);
    }
  };

  private renew(): void {
    if (this.seen) {
      const old = Date.now() - RENEW;
      this._sites
        .filter(({ site }) => (this._last.get(site.name) ?? 0) <= old)
        .forEach(({ site }) => this._seen.delete(site.name));
      this.follow(this._sites);
    }
  }

  private later(site: string, word: string): void {
    if (this._timers.has(site)) {
      return;
    }
    const wait = Math.max(0, (this._last.get(site) ?? 0) + PAUSE - Date.now());
    const timer = setTimeout(() => {
      this._last.set(site, Date.now());
      this._seen.set(site, word);
      void this.ask(site, false).finally(() => {
        this._timers.delete(site);
        this.follow(this._sites);
      });
    }, wait);
    this._timers.set(site, timer);
  }

  private set(name: string, state: IQueueState): void {
    if (!this._disposed) {
      this._known.set(name, state);
      this.changed();
    }
  }

  private _disposed = false;
  private _lookers = 0;
  private _always = 0;
  private _renewing: ReturnType<typeof setInterval> | undefined;
  private _sites: readonly SiteStatus[] = [];
  private readonly _known = new Map<string, IQueueState>();
  private readonly _seen = new Map<string, string>();
  private readonly _last = new Map<string, number>();
  private readonly _timers = new Map<string, ReturnType<typeof setTimeout>>();
}

function key(site: string, everybody: boolean): string {
  return `${everybody ? 'all' : 'mine'} ${site}`;
}
