import type { IDisposable } from '@lumino/disposable';
import { type ISignal, Signal } from '@lumino/signaling';
import { IhpcError } from '../errors';
import type { Point, Responsiveness } from '../wire';
import type { IOwn } from './panels';
import { Rounds } from './rounds';

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
    if (this._rounds.going) {
      this.look();
    }
  }

  get isDisposed(): boolean {
    return this._disposed;
  }

  /** Somebody looks: ask now, and again and again. */
  look(): void {
    this._rounds.look();
  }

  /** Nobody looks any more: ask nothing. */
  rest(): void {
    this._rounds.rest();
  }

  dispose(): void {
    this._disposed = true;
    this.rest();
    Signal.clearData(this);
  }

  private async ask(isCurrent: () => boolean): Promise<void> {
    try {
      const told = await this.source.responsiveness(
        this._window,
        this._told?.revision ?? -1
      );
      if (!isCurrent()) {
        return;
      }
      this._told = told ?? this._told;
      this._error = null;
      if (this._asked++ % TRIP_EACH === 0) {
        await this.measure();
      }
    } catch (reason) {
      this._error = IhpcError.from(reason);
    }
    if (isCurrent()) {
      this._changed.emit();
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
  private readonly _rounds = new Rounds(PACE, current => this.ask(current));
  private _asked = 0;
  private _disposed = false;
  private readonly _changed = new Signal<this, void>(this);
}
