import type { IDisposable } from '@lumino/disposable';
import { type ISignal, Signal } from '@lumino/signaling';
import { IhpcError } from '../errors';
import type { Change, Snapshot } from '../wire';
import { delay } from './backoff';
import { apply, EMPTY, fromSnapshot, type IState, missed } from './state';

/** Whether what is shown is fresh, and why not. */
export interface IFeedStatus {
  readonly live: boolean;
  /** When the server was last heard, by its own clock. */
  readonly heardAt: number | null;
  /** When the next attempt is made, by the same clock. */
  readonly retryAt: number | null;
  readonly error: IhpcError | null;
}

/** What the feed needs of the server. */
export interface ISource {
  stream(): WebSocket;
  snapshot(): Promise<Snapshot>;
}

// The server pings each 15 s: after twice that, and a little, the line is dead although it looks open.
const SILENCE = 35_000;
const REFETCH_PAUSE = 1_000;

/** Keeps a state up to date: one stream, snapshots when something was missed, back-off when nobody answers. */
export class Feed implements IDisposable {
  constructor(private readonly source: ISource) {}

  get changed(): ISignal<this, void> {
    return this._changed;
  }

  get state(): IState {
    return this._state;
  }

  get status(): IFeedStatus {
    return this._status;
  }

  /** The server's clock, in seconds since 1970: a browser's own may be wrong. */
  now(): number {
    return Date.now() / 1000 + this._skew;
  }

  get isDisposed(): boolean {
    return this._disposed;
  }

  /** A local correction (the answer to a request of ours), ahead of the stream. */
  amend(update: (state: IState) => IState): void {
    this._state = update(this._state);
    this._changed.emit();
  }

  connect(): void {
    this.hangUp();
    if (this._disposed) {
      return;
    }
    const socket = this.source.stream();
    this._socket = socket;
    socket.onmessage = event => {
      this.hear(JSON.parse(String(event.data)) as Change);
    };
    socket.onclose = () => {
      if (this._socket === socket) {
        void this.fallBack();
      }
    };
    this.watch();
  }

  dispose(): void {
    this._disposed = true;
    this.hangUp();
    Signal.clearData(this);
  }

  private hear(change: Change): void {
    this.watch();
    this._attempt = 0;
    const gap = missed(this._state, change);
    if (change.kind === 'snapshot' && change.snapshot) {
      this._skew = change.snapshot.at - Date.now() / 1000;
    }
    this._state = apply(this._state, change);
    this._since?.push(change);
    const wasLive = this._status.live;
    this._status = {
      live: true,
      heardAt: this.now(),
      retryAt: null,
      error: null
    };
    if (gap) {
      void this.refetch();
    }
    if (change.kind !== 'ping' || !wasLive) {
      this._changed.emit();
    }
  }

  /** Takes a snapshot, then repeats the changes that arrived while it was on its way. */
  private async refetch(): Promise<void> {
    if (this._since) {
      this._again = true;
      return;
    }
    const since: Change[] = (this._since = []);
    try {
      this.take(await this.source.snapshot());
      for (const change of since) {
        if (change.revision > this._state.revision) {
          this._state = apply(this._state, change);
        }
      }
      this._changed.emit();
    } catch {
      // The stream's own end tells when the server is gone.
    } finally {
      setTimeout(() => this.rest(), REFETCH_PAUSE);
    }
  }

  private rest(): void {
    this._since = null;
    if (this._again && !this._disposed) {
      this._again = false;
      void this.refetch();
    }
  }

  /** The stream broke: ask once by plain request (which also says why), and try again later. */
  private async fallBack(): Promise<void> {
    this.hangUp();
    let error: IhpcError | null = null;
    let heardAt = this._status.heardAt;
    try {
      this.take(await this.source.snapshot());
      heardAt = this.now();
    } catch (reason) {
      error = IhpcError.from(reason);
    }
    if (this._disposed) {
      return;
    }
    const pause = delay(this._attempt++);
    this._status = {
      live: false,
      heardAt,
      retryAt: this.now() + pause,
      error
    };
    this._changed.emit();
    this._timer = setTimeout(() => this.connect(), 1000 * pause);
  }

  private take(snapshot: Snapshot): void {
    this._skew = snapshot.at - Date.now() / 1000;
    this._state = fromSnapshot(snapshot, this._state.here);
  }

  private watch(): void {
    clearTimeout(this._timer);
    this._timer = setTimeout(() => void this.fallBack(), SILENCE);
  }

  private hangUp(): void {
    clearTimeout(this._timer);
    const socket = this._socket;
    this._socket = null;
    socket?.close();
  }

  private _state: IState = EMPTY;
  private _status: IFeedStatus = {
    live: false,
    heardAt: null,
    retryAt: null,
    error: null
  };
  private _skew = 0;
  private _attempt = 0;
  private _timer: number | undefined;
  private _socket: WebSocket | null = null;
  private _since: Change[] | null = null;
  private _again = false;
  private _disposed = false;
  private readonly _changed = new Signal<this, void>(this);
}
