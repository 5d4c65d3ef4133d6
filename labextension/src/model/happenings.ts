import type { QueueRow, RunView } from '../wire';
import { arrayOf, over as hasEnded, waits } from './queue';
import { over } from './runs';

/** Something that a person may want to be told of. */
export interface IHappening {
  /** The same for the same thing, in whichever page it is seen. */
  key: string;
  text: string;
  outcome: 'started' | 'good' | 'bad';
}

interface IProgress {
  name: string;
  active: number;
  ends: Map<QueueRow['state'], number>;
  /** When the last of them ended; 0 where that is not told. */
  endedAt: number;
  alive: number;
}

/** Compares what is seen now with what was seen before; what is there at the first look is no news. */
export class Happenings {
  /** *since*: what ended before (seconds since 1970) is no news either, where it was not seen alive. */
  constructor(private readonly since = 0) {}

  /** Urgent runs that began to run, or ended, since the last look. */
  ofRuns(runs: readonly RunView[]): IHappening[] {
    const before = this._runs;
    this._runs = new Map(runs.map(run => [run.id, stage(run)]));
    if (before === null) {
      return [];
    }
    return runs.flatMap((run): IHappening[] => {
      const was = before.get(run.id) ?? 'waits';
      const is = stage(run);
      if (was === is || was === 'over') {
        return [];
      }
      const what = `Urgent run ${run.title || run.id}`;
      return is === 'over'
        ? [
            {
              key: `run ${run.id} over`,
              text: `${what}: ${run.state}`,
              outcome: run.state === 'succeeded' ? 'good' : 'bad'
            }
          ]
        : [
            {
              key: `run ${run.id} runs`,
              text: `${what} has started`,
              outcome: 'started'
            }
          ];
    });
  }

  /** Jobs that no cluster and no run has, arrays as one, that began to run, or ended, since the last look. */
  ofJobs(site: string, rows: readonly QueueRow[]): IHappening[] {
    const before = this._jobs.get(site);
    const now = progress(rows);
    this._jobs.set(site, now);
    if (!before) {
      return [];
    }
    return [...now].flatMap(([id, is]): IHappening[] => {
      const was = before.get(id);
      const what = `Job ${id} (${is.name}) at ${site}`;
      const key = `job ${site} ${id}`;
      if (is.alive === 0) {
        const states = [...is.ends].map(([state, n]) =>
          n > 1 ? `${n} ${state}` : state
        );
        const good = [...is.ends.keys()].every(state => state === 'COMPLETED');
        const old = !was && is.endedAt > 0 && is.endedAt < this.since;
        return old || was?.alive === 0
          ? []
          : [
              {
                key: `${key} over`,
                text: `${what}: ${states.join(', ')}`,
                outcome: good ? 'good' : 'bad'
              }
            ];
      }
      const began = is.active > 0 && !was?.active && !was?.ends.size;
      return began
        ? [
            {
              key: `${key} runs`,
              text: `${what} has started`,
              outcome: 'started'
            }
          ]
        : [];
    });
  }

  private _runs: Map<string, string> | null = null;
  private readonly _jobs = new Map<string, Map<string, IProgress>>();
}

function stage(run: RunView): 'waits' | 'runs' | 'over' {
  return over(run) ? 'over' : run.state === 'running' ? 'runs' : 'waits';
}

function progress(rows: readonly QueueRow[]): Map<string, IProgress> {
  const found = new Map<string, IProgress>();
  for (const row of rows) {
    if (!row.mine || row.belongs !== 'none') {
      continue;
    }
    const id = arrayOf(row);
    const one = found.get(id) ?? {
      name: row.name,
      active: 0,
      alive: 0,
      endedAt: 0,
      ends: new Map<QueueRow['state'], number>()
    };
    // While its nodes are cleaned up, nothing says yet how it ended.
    if (hasEnded(row) && row.state !== 'COMPLETING') {
      one.ends.set(row.state, (one.ends.get(row.state) ?? 0) + row.count);
      one.endedAt = Math.max(one.endedAt, row.ends_at ?? 0);
    } else {
      one.alive += row.count;
      one.active += waits(row) ? 0 : row.count;
    }
    found.set(id, one);
  }
  return found;
}
