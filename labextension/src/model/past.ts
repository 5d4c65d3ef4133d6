import type { IDisposable } from '@lumino/disposable';
import { type ISignal, Signal } from '@lumino/signaling';
import { IhpcError } from '../errors';
import type { Timeline } from '../wire';
import { Rounds } from './rounds';

/** What the past of a cluster is asked of. */
export interface IPastSource {
  timeline(
    name: string,
    window: number,
    after: number
  ): Promise<Timeline | undefined>;
}

const PACE = 2000;

/** A cluster over time, asked for while somebody looks. */
export class Past implements IDisposable {
  constructor(
    readonly name: string,
    private readonly source: IPastSource
  ) {}

  get changed(): ISignal<this, void> {
    return this._changed;
  }

  /** What was told last; null before the first answer. */
  get told(): Timeline | null {
    return this._told;
  }

  /** Why the last question was not answered; null when it was. */
  get error(): IhpcError | null {
    return this._error;
  }

  /** Seconds that are looked back over. */
  get window(): number {
    return this._window;
  }

  /** Looks back over another span. */
  choose(seconds: number): void {
    this._window = seconds;
    this._changed.emit();
    if (this._rounds.going) {
      this.look();
    }
  }

  get isDisposed(): boolean {
    return this._disposed;
  }

  look(): void {
    this._rounds.look();
  }

  rest(): void {
    this._rounds.rest();
  }

  dispose(): void {
    this._disposed = true;
    this.rest();
    Signal.clearData(this);
  }

  private async ask(isCurrent: () => boolean): Promise<void> {
    const same = this._told?.window === this._window;
    const after = same ? this._told!.revision : -1;
    try {
      const told = await this.source.timeline(this.name, this._window, after);
      if (isCurrent()) {
        this._told = told ?? this._told;
        this._error = null;
      }
    } catch (reason) {
      this._error = IhpcError.from(reason);
    }
    if (isCurrent()) {
      this._changed.emit();
    }
  }

  private readonly _rounds = new Rounds(PACE, current => this.ask(current));
  private _told: Timeline | null = null;
  private _error: IhpcError | null = null;
  private _window = 900;
  private _disposed = false;
  private readonly _changed = new Signal<this, void>(this);
}
