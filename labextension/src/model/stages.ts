import type { RunState, RunView } from '../wire';
import { answered, endedAt, over } from './runs';

const STAGES = [
  'planned',
  'submitted',
  'queued',
  'allocated',
  'started',
  'running'
] as const satisfies RunState[];

type Stage = (typeof STAGES)[number];

/** One step of the way from wish to result. */
export interface IStage {
  readonly name: Stage | 'result';
  readonly is: 'done' | 'now' | 'next' | 'skipped';
  /** When it was reached. */
  readonly at: number | null;
  /** How long it took; null while it lasts, and of what was not reached. */
  readonly seconds: number | null;
}

/** The stages of a run, each with the time spent in it: till the next that was reached. */
export function stages(run: RunView): IStage[] {
  const ended = over(run);
  const now = ended ? STAGES.length : STAGES.indexOf(run.state as Stage);
  const times = reached(run);
  const end = endedAt(run);
  const steps = STAGES.map((name, index): IStage => {
    // What an attempt before the last had reached is nothing that this one has.
    const at = index > now ? null : times[name];
    if (index >= now) {
      return { name, is: index > now ? 'next' : 'now', at, seconds: null };
    }
    return at === null
      ? { name, is: 'skipped', at, seconds: null }
      : { name, is: 'done', at, seconds: spent(times, index, at, end) };
  });
  const is = answered(run) ? 'done' : ended ? 'skipped' : 'next';
  return [...steps, { name: 'result', is, at: end, seconds: null }];
}

type Times = Record<Stage, number | null>;

/** When each stage was reached: what an attempt's driver says, else what was seen (a short stage may not be). */
function reached(run: RunView): Times {
  const { stages: seen, attempts, winner } = run;
  const one = attempts.find(a => a.number === winner) ?? attempts.at(-1);
  return {
    planned: seen.planned ?? null,
    submitted: one?.submitted_at ?? seen.submitted ?? null,
    queued: seen.queued ?? null,
    allocated: one?.allocated_at ?? seen.allocated ?? null,
    started: one?.started_at ?? seen.started ?? null,
    running: one?.running_at ?? seen.running ?? null
  };
}

function spent(
  times: Times,
  index: number,
  at: number,
  end: number | null
): number | null {
  const later = STAGES.slice(index + 1).map(name => times[name] ?? -Infinity);
  const until = Math.min(...later.filter(time => time >= at), end ?? Infinity);
  return Number.isFinite(until) ? Math.max(0, until - at) : null;
}
