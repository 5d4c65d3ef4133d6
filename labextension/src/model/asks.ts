import { IhpcError } from '../errors';
import type { ClusterView, GroupView, PatchGroup } from '../wire';

/** A wish that the server has not confirmed yet, or the reason why it did not. */
export interface IAsk {
  readonly patch: PatchGroup | null;
  readonly error: IhpcError | null;
}

type Send = (patch: PatchGroup) => Promise<ClusterView>;

const key = (cluster: string, group: string): string => `${cluster}/${group}`;

/**
 * Wishes on their way, one a group. Clicks during a request do not queue up:
 * only the newest wish is sent when the answer is there.
 */
export class Asks {
  constructor(
    private readonly changed: () => void,
    private readonly settled: (group: string, cluster: ClusterView) => void
  ) {}

  of(cluster: string, group: string): IAsk | undefined {
    return this._asks.get(key(cluster, group));
  }

  async ask(
    cluster: string,
    group: string,
    patch: PatchGroup,
    send: Send
  ): Promise<void> {
    const at = key(cluster, group);
    const waiting = this._asks.get(at)?.patch;
    this._asks.set(at, { patch, error: null });
    this.changed();
    if (waiting) {
      return;
    }
    let wish = patch;
    for (;;) {
      let answer: ClusterView;
      try {
        answer = await send(wish);
      } catch (error) {
        this._asks.set(at, { patch: null, error: IhpcError.from(error) });
        this.changed();
        return;
      }
      const newest = this._asks.get(at)?.patch;
      if (!newest || newest === wish) {
        this._asks.delete(at);
        this.settled(group, answer);
        return;
      }
      wish = newest;
    }
  }

  dismiss(cluster: string, group: string): void {
    if (this._asks.delete(key(cluster, group))) {
      this.changed();
    }
  }

  private readonly _asks = new Map<string, IAsk>();
}

/** The group as the user wants it, before the server has said so. */
export function wished(group: GroupView, ask: IAsk | undefined): GroupView {
  const patch = ask?.patch;
  if (patch?.adapt) {
    const idle = group.adapt?.idle ?? 300;
    return { ...group, adapt: { minimum: 0, idle, ...patch.adapt } };
  }
  if (typeof patch?.target === 'number') {
    return { ...group, target: patch.target, adapt: null };
  }
  return group;
}
