import type { Queue, QueueRow } from '../wire';
import { bytes, many } from './words';

/** What a table can be ordered by. */
export type Column =
  'id' | 'state' | 'lane' | 'size' | 'submitted' | 'start' | 'time';

export interface IOrder {
  readonly column: Column;
  readonly down: boolean;
}

const ENDED: readonly QueueRow['state'][] = [
  'COMPLETING',
  'COMPLETED',
  'CANCELLED',
  'FAILED',
  'TIMEOUT',
  'PREEMPTED',
  'NODE_FAIL',
  'OUT_OF_MEMORY',
  'BOOT_FAIL',
  'DEADLINE'
];

/** Whether a job ends or has ended. */
export function over(row: Pick<QueueRow, 'state'>): boolean {
  return ENDED.includes(row.state);
}

/** Whether a job is in the queue, also again. */
export function waits(row: QueueRow): boolean {
  return row.state === 'PENDING' || row.state === 'REQUEUED';
}

/** The id as the batch system writes it: "12", "12_3", "12_[4-19]". */
export function idOf(row: QueueRow): string {
  return row.elements ? `${arrayOf(row)}_[${row.elements}]` : row.id;
}

/** The array that a job is of; its own id where it is of none. */
export function arrayOf(row: Pick<QueueRow, 'id'>): string {
  return row.id.split('_')[0];
}

/** What a job has or asks for: "4 cores", "2 nodes", "8 GiB", "1 GPU". */
export function sizes(row: QueueRow): string[] {
  const parts = [many(row.cores, 'core')];
  if (row.nodes > 1) {
    parts.push(many(row.nodes, 'node'));
  }
  if (row.memory) {
    parts.push(bytes(row.memory));
  }
  if (row.gpus) {
    parts.push(many(row.gpus, 'GPU'));
  }
  return parts;
}

/** What an ended job ended with; empty where nothing is told. */
export function exit(row: QueueRow): string {
  if (row.exit_code === null || !over(row)) {
    return '';
  }
  return row.exit_code < 0
    ? `signal ${-row.exit_code}`
    : `exit code ${row.exit_code}`;
}

/** The rows that hold all words of *text*, in whatever they show. */
export function matching(
  rows: readonly QueueRow[],
  text: string
): readonly QueueRow[] {
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  return words.length === 0
    ? rows
    : rows.filter(row => {
        const told = said(row);
        return words.every(word => told.includes(word));
      });
}

function said(row: QueueRow): string {
  const { name, user, state, reason, reason_text, lane, partition } = row;
  const { qos, account, node, owner } = row;
  return [
    ...[idOf(row), name, user, state, reason, reason_text, lane, partition],
    ...[qos, account, node, owner]
  ]
    .join('\n')
    .toLowerCase();
}

/** Rows in order; what has no value comes last either way, mine before others' in any case. */
export function ordered(
  rows: readonly QueueRow[],
  order: IOrder | null
): readonly QueueRow[] {
  if (order === null) {
    return rows;
  }
  const value = VALUES[order.column];
  const sign = order.down ? -1 : 1;
  return [...rows].sort((a, b) => {
    if (a.mine !== b.mine) {
      return a.mine ? -1 : 1;
    }
    const [x, y] = [value(a), value(b)];
    if (x === null || y === null) {
      return Number(x === null) - Number(y === null);
    }
    return sign * (x < y ? -1 : x > y ? 1 : 0);
  });
}

const VALUES: Record<Column, (row: QueueRow) => string | number | null> = {
  id: row => Number.parseInt(row.id, 10) || null,
  state: row => row.state,
  lane: row => row.lane || row.partition || null,
  size: row => row.cores * row.count,
  submitted: row => row.submitted_at,
  start: row => row.started_at ?? row.expected_start,
  time: row => (over(row) ? null : row.ends_at)
};

/** What a cancellation would end. */
export interface IReach {
  readonly id: string;
  readonly waiting: boolean;
  readonly jobs: number;
}

/** What cancelling a row means: one job, or the jobs of its array that wait (or all of them). */
export function reach(row: QueueRow, rows: readonly QueueRow[]): IReach {
  if (row.count === 1) {
    return { id: row.id, waiting: false, jobs: 1 };
  }
  const array = arrayOf(row);
  const waiting = waits(row);
  const jobs = rows
    .filter(one => one.mine && arrayOf(one) === array)
    .filter(one => (waiting ? waits(one) : !over(one)))
    .reduce((sum, one) => sum + one.count, 0);
  return { id: array, waiting, jobs };
}

/** Why nothing can be cancelled here; null where it can. */
export function kept(row: QueueRow): string | null {
  if (!row.mine || over(row)) {
    return '';
  }
  if (row.belongs !== 'none' && row.owner) {
    return row.belongs === 'run'
      ? `Cancel urgent run ${row.owner} instead`
      : `Scale or stop cluster ${row.owner} instead`;
  }
  return null;
}

/** Whether a row is one job of mine that may have written something. */
export function canHaveLog(row: QueueRow): boolean {
  return row.mine && row.count === 1 && (!waits(row) || row.restarts > 0);
}

/** Whether a row stands for several jobs of mine, to be unfolded. */
export function isFold(row: QueueRow): boolean {
  return row.mine && row.count > 1;
}

/**
 * What rows are known by from one answer to the next: a fold's first job and its reason change as jobs start,
 * and what is open stays open.
 */
export function keysOf(rows: readonly QueueRow[]): string[] {
  const seen = new Map<string, number>();
  return rows.map(row => {
    const name = isFold(row) ? `${arrayOf(row)} ${row.state}` : row.id;
    const before = seen.get(name) ?? 0;
    seen.set(name, before + 1);
    return `${name} ${before}`;
  });
}

/** Of an array's jobs those that a folded row stands for. */
export function unfolded(
  row: QueueRow,
  jobs: readonly QueueRow[]
): readonly QueueRow[] {
  return jobs.filter(
    one => one.state === row.state && one.reason === row.reason
  );
}

/** What a table can be ordered by, as its headings say it. */
export const COLUMNS: readonly (readonly [Column, string])[] = [
  ['id', 'Job'],
  ['state', 'State, and why'],
  ['lane', 'Lane'],
  ['size', 'Size'],
  ['submitted', 'Submitted'],
  ['start', 'Start'],
  ['time', 'Time']
];

/** "3 RUNNING, 12 PENDING". */
export function totals(queue: Queue): string {
  return queue.totals
    .map(one => `${one.jobs.toLocaleString('en')} ${one.state}`)
    .join(', ');
}
