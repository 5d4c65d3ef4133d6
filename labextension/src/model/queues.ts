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
  jobs(site: string, everybody: boolean): Promise<Queue>;
}

const NOTHING: IQueueState = { queue: null, error: null, asking: false };
const PAUSE = 1000;

/**
 * The jobs of all sites. Mine follow the batch system's answers while somebody looks, at most one
 * question a second and site, answered from what the agent knows. Everybody's are asked for by hand.
 */
export class Queues implements IDisposable {
  constructor(
    private readonly source: ISource,
    private readonly changed: () => void
  ) {}

  get isDisposed(): boolean {
    return this._disposed;
  }

  of(site: string, everybody = false): IQueueState {
    return this._known.get(key(site, everybody)) ?? NOTHING;
  }

  /** Somebody looks at jobs, until what comes back is disposed. */
  look(): IDisposable {
    this._lookers += 1;
    this.follow(this._sites);
    return new DisposableDelegate(() => {
      this._lookers -= 1;
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
      const queue = await this.source.jobs(site, everybody);
      this.set(name, { queue, error: null, asking: false });
    } catch (reason) {
      const error = IhpcError.from(reason);
      this.set(name, { ...before, error, asking: false });
    }
  }

  dispose(): void {
    this._disposed = true;
    this._timers.forEach(timer => clearTimeout(timer));
    this._timers.clear();
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
  private _sites: readonly SiteStatus[] = [];
  private readonly _known = new Map<string, IQueueState>();
  private readonly _seen = new Map<string, string>();
  private readonly _last = new Map<string, number>();
  private readonly _timers = new Map<string, ReturnType<typeof setTimeout>>();
}

function key(site: string, everybody: boolean): string {
  return `${everybody ? 'all' : 'mine'} ${site}`;
}
