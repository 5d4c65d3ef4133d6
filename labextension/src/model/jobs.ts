import type { JobView } from '../wire';

/** Jobs that are read as one; a job that differs from all others is alone in its row. */
export interface IRow {
  /** Stays while the row does, also when the reason changes: what was opened stays open. */
  readonly key: string;
  readonly jobs: readonly JobView[];
}

/** As many equal jobs that do not wait are still read one by one. */
const FEW = 12;
const WAITING: readonly JobView['state'][] = ['PENDING', 'REQUEUED'];

/** An id as the name of its array and the number in it: "8_3" is 3 of "8_"; "8" is 8 of "". */
function split(id: string): [array: string, index: number | null] {
  const [, array, index] = /^(.*?)(\d+)$/.exec(id) ?? [];
  return index === undefined ? [id, null] : [array, Number(index)];
}

/** An id as its array and what is told apart in it: "8", "_3"; without an array all is in the second. */
export function inArray(id: string): [array: string, rest: string] {
  const at = id.lastIndexOf('_');
  return at > 0 ? [id.slice(0, at), id.slice(at)] : ['', id];
}

/** Ids as Slurm writes them: "8_[0-11]", "8_[0-3,5]", "101-104"; beyond *most* runs an array ends with "…". */
export function ranges(ids: readonly string[], most = Infinity): string {
  const arrays = new Map<string, number[]>();
  const others: string[] = [];
  for (const id of ids) {
    const [array, index] = split(id);
    if (index === null) {
      others.push(id);
    } else if (!arrays.get(array)?.push(index)) {
      arrays.set(array, [index]);
    }
  }
  const parts = [...arrays].map(([array, numbers]) => {
    const all = runs(numbers);
    const text = all.slice(0, most).join(',') + (all.length > most ? ',…' : '');
    return array && numbers.length > 1 ? `${array}[${text}]` : array + text;
  });
  return [...parts, ...others].join(',');
}

function runs(numbers: readonly number[]): string[] {
  const ordered = [...numbers].sort((a, b) => a - b);
  const found: [number, number][] = [];
  for (const n of ordered) {
    const last = found.at(-1);
    if (last && n <= last[1] + 1) {
      last[1] = n;
    } else {
      found.push([n, n]);
    }
  }
  return found.map(([a, b]) => (a === b ? `${a}` : `${a}-${b}`));
}

/** Rows of a list of jobs, each where its first job is: waiting jobs that are alike, and many others that are. */
export function fold(jobs: readonly JobView[]): IRow[] {
  const alike = new Map<string, JobView[]>();
  for (const job of jobs) {
    const like = likeness(job);
    if (!alike.get(like)?.push(job)) {
      alike.set(like, [job]);
    }
  }
  const rows: IRow[] = [];
  const named = new Map<string, number>();
  for (const job of jobs) {
    const same = alike.get(likeness(job))!;
    if (same.length <= (WAITING.includes(job.state) ? 1 : FEW)) {
      rows.push({ key: job.id, jobs: [job] });
    } else if (same[0] === job) {
      const name = `${job.state} ${split(job.id)[0]}`;
      const n = named.get(name) ?? 0;
      named.set(name, n + 1);
      rows.push({ key: `${name} ${n}`, jobs: inOrder(same) });
    }
  }
  return rows;
}

function likeness(job: JobView): string {
  return [job.state, job.worker_state, job.reason, split(job.id)[0]].join('\n');
}

function inOrder(jobs: readonly JobView[]): JobView[] {
  return jobs
    .map(job => ({ job, n: split(job.id)[1] ?? 0 }))
    .sort((a, b) => a.n - b.n)
    .map(({ job }) => job);
}

/** When the first of waiting jobs is expected to start. */
export function firstStart(jobs: readonly JobView[]): number | null {
  let first: number | null = null;
  for (const { started_at, expected_start } of jobs) {
    if (started_at === null && expected_start !== null) {
      first = Math.min(first ?? Infinity, expected_start);
    }
  }
  return first;
}

/** Why a job waits, in the plainest words there are. */
export function why(job: JobView | undefined): string {
  return job ? job.reason_text || job.reason : '';
}

/** Whether anything can have been written: not before the first start. */
export function canHaveLog(job: JobView): boolean {
  return job.state !== 'PENDING' || job.restarts > 0;
}
