import type { Attempt, Plan, RunState, RunView, Way, WayKind } from '../wire';
import { many, roughly } from './words';

const ENDS: readonly RunState[] = [
  'succeeded',
  'failed',
  'missed',
  'cancelled',
  'lost'
];

/** Whether nothing more will happen: a run can be forgotten. */
export function over(run: RunView): boolean {
  return ENDS.includes(run.state);
}

/** When a run ended; null while it has not. */
export function endedAt(run: RunView): number | null {
  return over(run) ? (run.stages[run.state] ?? null) : null;
}

/** The time of a stage: "0.31 s", "12 s", "3 min": a start may take less than a second. */
export function brief(seconds: number): string {
  return seconds < 9.95
    ? `${Math.max(0, seconds).toFixed(seconds < 0.95 ? 2 : 1)} s`
    : roughly(seconds);
}

/** Of the whole time to a deadline, from here on it is little. */
export const LITTLE = 0.25;

/** What is left of the time to a deadline, from 1 (all) to 0 (none). */
export function left(run: RunView, now: number): number {
  const { created_at, deadline_at } = run;
  if (deadline_at === null) {
    return 1;
  }
  const whole = Math.max(deadline_at - created_at, 1e-3);
  return Math.min(1, Math.max(0, (deadline_at - now) / whole));
}

/** How an ended run and its deadline met: "answered 12 s before the deadline". */
export function verdict(run: RunView): string {
  const end = endedAt(run);
  if (run.state === 'missed') {
    return 'deadline missed';
  }
  if (run.deadline_at === null || end === null || !answered(run)) {
    return '';
  }
  const early = run.deadline_at - end;
  return early >= 0
    ? `answered ${brief(early)} before the deadline`
    : `answered ${brief(-early)} after the deadline`;
}

/** Whether the user's code came to its end, well or not. */
export function answered(run: RunView): boolean {
  return run.state === 'succeeded' || run.state === 'failed';
}

const WAYS: Record<WayKind, string> = {
  'idle-workers': 'idle workers of your cluster',
  'own-workers': 'workers of your cluster',
  reservation: 'your reservation',
  allocation: 'a fresh allocation',
  preemption: 'preemption',
  'other-site': 'another site'
};

/** A way to start, in words. */
export function way(kind: WayKind): string {
  return WAYS[kind];
}

/** When a way would start: "2 s, p95 5 s (n=12)". */
export function start(one: Way): string {
  return one.start && one.start.count > 0
    ? `${brief(one.start.p50)}, p95 ${brief(one.start.p95)} (n=${one.start.count})`
    : 'unknown';
}

/** A price: "free", "0.25 core-h". */
export function price(core_hours: number): string {
  if (core_hours === 0) {
    return 'free';
  }
  return core_hours < 0.01
    ? '<0.01 core-h'
    : `${Number(core_hours.toFixed(2))} core-h`;
}

const OWN: readonly WayKind[] = ['idle-workers', 'own-workers'];

/** What a live run has cost so far, in core-hours: what is accounted, and what its jobs have held since. */
export function soFar(run: RunView, factor: number, now: number): number {
  const cores = run.shape.cores * Math.max(run.copies, run.tasks);
  const held = run.attempts
    .filter(one => one.core_seconds === 0 && !OWN.includes(one.way))
    .map(one => {
      const began = one.allocated_at ?? one.started_at;
      return began === null ? 0 : Math.max(0, (one.ended_at ?? now) - began);
    })
    .reduce((sum, seconds) => sum + seconds, 0);
  return run.core_hours + (held * cores * factor) / 3600;
}

/** Of a chance: "97 %". */
export function chance(one: Way): string {
  return one.chance === null ? '' : `${Math.round(100 * one.chance)} %`;
}

const OUTCOMES: Record<NonNullable<Attempt['outcome']>, string> = {
  won: 'answered',
  answered: 'answered, not first',
  lost: 'lost',
  unanswered: 'not answered',
  refused: 'refused',
  cancelled: 'cancelled',
  preempted: 'preempted'
};

/** What became of an attempt, in a word or two. */
export function outcome(attempt: Attempt): string {
  if (attempt.outcome) {
    return OUTCOMES[attempt.outcome];
  }
  if (attempt.running_at !== null) {
    return 'running';
  }
  return attempt.allocated_at !== null ? 'starting' : 'waiting';
}

/** How many attempts, and which came to nothing: "3 attempts: 1 lost, 1 preempted". */
export function tries(attempts: readonly Attempt[]): string {
  const bad = (['lost', 'refused', 'preempted'] as const)
    .map(word => ({ word, n: attempts.filter(a => a.outcome === word).length }))
    .filter(({ n }) => n > 0)
    .map(({ word, n }) => `${n} ${word}`);
  const all = many(attempts.length, 'attempt');
  return bad.length ? `${all}: ${bad.join(', ')}` : all;
}

/** How a run is told from others where one is to be picked. */
export function called(run: RunView): string {
  return `${run.title || run.kind} (${run.state}, ${run.id})`;
}

/** The live run that is the first to look at: the one whose deadline is next, else the latest. */
export function foremost(
  runs: readonly RunView[],
  now: number
): RunView | undefined {
  const live = runs.filter(run => !over(run));
  const [next] = live
    .filter(run => (run.deadline_at ?? 0) > now)
    .sort((a, b) => a.deadline_at! - b.deadline_at!);
  return next ?? live[0];
}

/** What a notebook runs to have a cell run urgently; a cell that says so itself stays as it is. */
export function urgently(source: string): string {
  return /^\s*%%urgent(\s|$)/.test(source) ? source : `%%urgent\n${source}`;
}

/** Code that brings a run's output and result into a notebook. */
export function attachCode(id: string): string {
  return `%runs attach ${id}`;
}

/** The way that a plan has chosen. */
export function chosen(plan: Plan): Way | undefined {
  return plan.ways.find(one => one.kind === plan.chosen);
}
