import type { IDisposable } from '@lumino/disposable';
import type { Here } from '../wire';
import { duration } from './words';

/** Seconds before the end of this server's job at which a person is warned. */
export const WARN_AT: readonly number[] = [600, 120];

// Browsers' timers hold no more than some weeks: a far end is looked at again.
const LONGEST = 3600;

/** "9 min 30 s left"; nothing where the job has no end that is known. */
export function timeLeft(here: Here, now: number): string {
  const end = here.job.ends_at;
  if (end === null) {
    return '';
  }
  return end > now ? `${duration(Math.ceil(end - now))} left` : 'time is up';
}

/** Whether so little is left that it is time to save. */
export function isClose(here: Here, now: number): boolean {
  return here.job.ends_at !== null && here.job.ends_at - now <= WARN_AT[0];
}

/**
 * Warns once at each of `WARN_AT` seconds before an end; whoever comes late is warned of the nearest alone.
 * An end that is not known (any more) changes nothing; one that was put off is warned of anew.
 */
export class EndWatch implements IDisposable {
  constructor(
    private readonly now: () => number,
    private readonly warn: (left: number) => void
  ) {}

  get isDisposed(): boolean {
    return this._disposed;
  }

  /** The end as it is known now. */
  follow(end: number | null): void {
    if (end !== null && end !== this._end && !this._disposed) {
      this._end = end;
      this.look();
    }
  }

  dispose(): void {
    this._disposed = true;
    clearTimeout(this._timer);
  }

  private look(): void {
    clearTimeout(this._timer);
    const left = this._end! - this.now();
    if (left > this._warnedAt) {
      this._warnedAt = Infinity;
    }
    const reached = WARN_AT.filter(at => left <= at).at(-1) ?? Infinity;
    if (left > 0 && reached < this._warnedAt) {
      this._warnedAt = reached;
      this.warn(left);
    }
    const next = WARN_AT.find(at => at < left);
    if (next !== undefined) {
      const pause = Math.min(LONGEST, left - next);
      this._timer = setTimeout(() => this.look(), 1000 * pause);
    }
  }

  private _end: number | null = null;
  private _warnedAt = Infinity;
  private _timer: ReturnType<typeof setTimeout> | undefined;
  private _disposed = false;
}
