import type { Counts, GroupView, Lane, Shape, Wait } from '../wire';

/** "3 workers", "1 worker". */
export function many(n: number, one: string, more = `${one}s`): string {
  return `${n.toLocaleString('en')} ${n === 1 ? one : more}`;
}

/** A duration in its two largest units: "45 s", "3 min", "2 h 5 min", "3 d 4 h". */
export function duration(seconds: number): string {
  const s = Math.max(0, Math.round(seconds));
  if (s < 60) {
    return `${s} s`;
  }
  const minutes = Math.floor(s / 60);
  if (minutes < 10) {
    return two(minutes, 'min', s % 60, 's');
  }
  if (minutes < 60) {
    return `${minutes} min`;
  }
  const hours = Math.floor(minutes / 60);
  return hours < 24
    ? two(hours, 'h', minutes % 60, 'min')
    : two(Math.floor(hours / 24), 'd', hours % 24, 'h');
}

function two(a: number, unit: string, b: number, smaller: string): string {
  return b ? `${a} ${unit} ${b} ${smaller}` : `${a} ${unit}`;
}

/** A duration for what changes each second but need not be read so: "119 min", "2 h 54 min". */
export function roughly(seconds: number): string {
  const s = Math.max(0, Math.round(seconds));
  if (s >= 7200 || s === 3600) {
    return duration(s);
  }
  return s >= 120 || s === 60 ? `${Math.floor(s / 60)} min` : `${s} s`;
}

/** Bytes: "1 GiB", "1.5 GiB", "512 MiB". */
export function bytes(n: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'];
  let value = n;
  let unit = 0;
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit += 1;
  }
  const digits = value < 10 && !Number.isInteger(value) ? 1 : 0;
  return `${value.toFixed(digits).replace(/\.0$/, '')} ${units[unit]}`;
}

/** A shape: "4 cores, 8 GiB, 1 GPU, 2 workers a job". */
export function shape(s: Shape): string {
  const parts = [many(s.cores, 'core'), bytes(s.memory)];
  if (s.gpus) {
    parts.push(many(s.gpus, 'GPU'));
  }
  if (s.processes > 1) {
    parts.push(`${many(s.processes, 'worker')} a job`);
  }
  return parts.join(', ');
}

/** What a lane gives and takes, in words. */
export function lane(l: Lane): string {
  const time = l.max_time
    ? `${duration(l.time_limit)} a job, at most ${duration(l.max_time)}`
    : `${duration(l.time_limit)} a job`;
  const limits = [many(l.max_workers, 'worker')];
  if (l.max_cores !== null) {
    limits.push(many(l.max_cores, 'core'));
  }
  if (l.max_gpus) {
    limits.push(many(l.max_gpus, 'GPU'));
  }
  return `Up to ${limits.join(', ')}; ${time}.`;
}

/** What a lane costs: "Free of charge", "1.5 × core-hours". */
export function cost(factor: number): string {
  return factor === 0 ? 'Free of charge' : `${factor} × core-hours`;
}

/** Whether and how a lane's jobs may be sent away. */
export function preemption(l: Lane): string {
  if (!l.preemptible) {
    return 'Runs to its end';
  }
  return l.grace > 0
    ? `May be preempted, ${duration(l.grace)} after a signal`
    : 'May be preempted without warning';
}

const short = (seconds: number): string =>
  seconds < 1 ? '<1 s' : roughly(seconds);

/** How long jobs of a lane waited lately: "2 s, p95 5 s". */
export function wait(w: Wait): string {
  return `${short(w.median)}, p95 ${short(w.p95)}`;
}

/** The same of each lane: "interactive 2 s, p95 5 s (n=12)"; none where nothing is known. */
export function waits(lanes: Record<string, Wait>): string[] {
  return Object.entries(lanes)
    .filter(([, w]) => w.count > 0)
    .map(([name, w]) => `${name} ${wait(w)} (n=${w.count})`);
}

export const COUNTS = [
  'working',
  'starting',
  'pending',
  'requested',
  'lost'
] as const satisfies (keyof Counts)[];

export function total(groups: readonly GroupView[]): Counts {
  const sum = { requested: 0, pending: 0, starting: 0, working: 0, lost: 0 };
  for (const group of groups) {
    for (const state of COUNTS) {
      sum[state] += group.counts[state];
    }
  }
  return sum;
}

/** "2 of 8 workers working, 1 starting, 5 pending". */
export function summary(counts: Counts, target: number): string {
  const rest = COUNTS.slice(1)
    .filter(state => counts[state] > 0)
    .map(state => `${counts[state]} ${state}`);
  return [
    `${counts.working} of ${many(target, 'worker')} working`,
    ...rest
  ].join(', ');
}
