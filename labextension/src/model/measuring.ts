import type { IDisposable } from '@lumino/disposable';
import { type ISignal, Signal } from '@lumino/signaling';
import { IhpcError } from '../errors';
import type { Point, Responsiveness } from '../wire';
import type { IOwn } from './panels';

/** One way there and back, in seconds: browser ↔ server, and server ↔ agent. */
export interface ITrip {
  browser: number;
  agent: number;
}

/** What the measuring needs of the server. */
export interface IMeterSource {
  responsiveness(
    window: number,
    after: number
  ): Promise<Responsiveness | undefined>;
  roundTrip(): Promise<ITrip>;
}

const PACE = 2000;
const TRIP_EACH = 3;
const KEPT = 720;

/** Asks for the series while somebody looks, and measures this page's own way to the server. */
export class Measuring implements IDisposable {
  constructor(private readonly source: IMeterSource) {}

  get changed(): ISignal<this, void> {
    return this._changed;
  }

  /** What was told last; null before the first answer. */
  get told(): Responsiveness | null {
    return this._told;
  }

  /** Why the last question was not answered; null when it was. */
  get error(): IhpcError | null {
    return this._error;
  }

  get own(): IOwn {
    return this._own;
  }

  /** Seconds that are looked back over. */
  get window(): number {
    return this._window;
  }

  /** Looks back over another span. */
  choose(seconds: number): void {
    this._window = seconds;
    this._told = this._told && { ...this._told, revision: -1 };
    this._changed.emit();
    if (this._timer !== undefined) {
      this.look();
    }
  }

  get isDisposed(): boolean {
    return this._disposed;
  }

  /** Somebody looks: ask now, and again and again. */
  look(): void {
    this.rest();
    void this.round(++this._turn);
  }

  /** Nobody looks any more: ask nothing. */
  rest(): void {
    this._turn++;
    clearTimeout(this._timer);
    this._timer = undefined;
  }

  dispose(): void {
    this._disposed = true;
    this.rest();
    Signal.clearData(this);
  }

  private async round(turn: number): Promise<void> {
    // Jitter: many tabs must not ask in step.
    const pause = PACE * (1 + 0.2 * Math.random());
    this._timer = setTimeout(() => undefined, 0);
    if (!globalThis.document?.hidden) {
      try {
        const told = await this.source.responsiveness(
          this._window,
          this._told?.revision ?? -1
        );
        if (turn !== this._turn) {
          return;
        }
        this._told = told ?? this._told;
        this._error = null;
        if (this._rounds++ % TRIP_EACH === 0) {
          await this.measure();
        }
      } catch (reason) {
        this._error = IhpcError.from(reason);
      }
    }
    if (turn === this._turn && !this._disposed) {
      this._changed.emit();
      this._timer = setTimeout(() => void this.round(turn), pause);
    }
  }

  private async measure(): Promise<void> {
    const trip = await this.source.roundTrip();
    const at = this._told?.at ?? Date.now() / 1000;
    const add = (points: readonly Point[], value: number): Point[] => [
      ...points.slice(1 - KEPT),
      { at, value }
    ];
    this._own = {
      browser: add(this._own.browser, trip.browser),
      agent: add(this._own.agent, trip.agent)
    };
  }

  private _told: Responsiveness | null = null;
  private _error: IhpcError | null = null;
  private _own: IOwn = { browser: [], agent: [] };
  private _window = 900;
  private _timer: ReturnType<typeof setTimeout> | undefined;
  private _turn = 0;
  private _rounds = 0;
  private _disposed = false;
  private readonly _changed = new Signal<this, void>(this);
}
