import type { Point, Responsiveness, SeriesView, Summary } from '../wire';
import { summarise, type Unit } from './figures';

/** One line of a chart. */
export interface IDrawn {
  name: string;
  points: readonly Point[];
  /** The theme's variable for its colour; by its place where it has none of its own. */
  colour?: string;
}

/** One chart. */
export interface IChart<T extends IDrawn = IDrawn> {
  id: string;
  title: string;
  note: string;
  unit: Unit;
  /** Single events are dots, what holds until the next moment is a step, what varies a line. */
  drawn: 'dots' | 'steps' | 'lines';
  lines: T[];
}

/** One line of a chart, and one row of its table. */
export interface ILine extends IDrawn {
  lately: Summary;
  baseline: Summary;
}

/** One chart with its table. */
export type IPanel = IChart<ILine>;

/** What the browser measured on its way: browser ↔ server, server ↔ agent. */
export interface IOwn {
  browser: readonly Point[];
  agent: readonly Point[];
}

export const DAY = 86400;

/** The charts of the pane, those that belong together one below the other. */
export function panels(
  told: Responsiveness,
  own: IOwn,
  window: number
): IPanel[] {
  const of = (metric: string, name: (s: SeriesView) => string): ILine[] =>
    told.series
      .filter(series => series.metric === metric)
      .map(series => ({ ...series, name: name(series) }))
      .sort((a, b) => (a.name < b.name ? -1 : 1));
  const many =
    new Set(told.series.map(s => s.labels.site).filter(Boolean)).size > 1;
  const at = (s: SeriesView): string => (many ? ` on ${s.labels.site}` : '');
  const lane = (s: SeriesView): string => s.labels.lane + at(s);
  const mine = (name: string, points: readonly Point[]): ILine => ({
    name,
    points: points.filter(point => point.at >= told.at - window),
    lately: summarise(points, window, told.at),
    baseline: summarise(points, DAY, told.at)
  });
  return [
    {
      id: 'waits',
      title: 'Queue waits',
      note: 'Own jobs from submission to start, by lane, when they started.',
      unit: 'seconds',
      drawn: 'dots',
      lines: of('queue_wait', lane)
    },
    {
      id: 'cores',
      title: 'Cores and nodes in use',
      note: 'Of all cores of each lane, and of all nodes in order, whoever uses them.',
      unit: 'ratio',
      drawn: 'lines',
      lines: [
        ...of('cores_used', lane),
        ...of('nodes_used', s => `nodes${at(s)}`)
      ]
    },
    {
      id: 'parts',
      title: 'Parts of the waits',
      note: 'Held by a dependency, a time or a person; then eligible, and kept by the queue alone.',
      unit: 'seconds',
      drawn: 'dots',
      lines: [
        ...of('queue_eligible', s => `${lane(s)}: eligible`),
        ...of('queue_hold', s => `${lane(s)}: held`)
      ]
    },
    {
      id: 'efficiency',
      title: 'Own efficiency',
      note: 'What clusters use of the cores and the memory that were asked for.',
      unit: 'ratio',
      drawn: 'lines',
      lines: [
        ...of('cluster_cpu_used', s => `${s.labels.cluster}: cores`),
        ...of('cluster_memory_used', s => `${s.labels.cluster}: memory`)
      ]
    },
    {
      id: 'scheduler',
      title: 'The batch system’s answers',
      note: 'From a question to its answer; the scheduler’s own last passes over the queue.',
      unit: 'seconds',
      drawn: 'lines',
      lines: [
        ...of('scheduler_latency', s => s.labels.site),
        ...of('scheduler_cycle', s => `${s.labels.kind} pass${at(s)}`)
      ]
    },
    {
      id: 'trips',
      title: 'Round trips',
      note: 'There and back; the agent’s delay is how late it wakes up.',
      unit: 'seconds',
      drawn: 'lines',
      lines: [
        mine('browser ↔ server', own.browser),
        mine('server ↔ agent', own.agent),
        ...of('head_round_trip', s => `agent ↔ head of ${s.labels.cluster}`),
        ...of(
          'worker_round_trip',
          s => `head ↔ workers of ${s.labels.cluster}`
        ),
        ...of('loop_lag', () => 'delay of the agent')
      ]
    },
    {
      id: 'files',
      title: 'File systems',
      note: 'Tiny operations: 4 KiB written with sync, read back, created and removed.',
      unit: 'seconds',
      drawn: 'lines',
      lines: of('io_latency', s => `${s.labels.path} ${s.labels.operation}`)
    },
    {
      id: 'starts',
      title: 'Starts',
      note: 'Clusters by stage, urgent runs to their first line.',
      unit: 'seconds',
      drawn: 'dots',
      lines: [
        ...of(
          'cluster_start',
          s => `cluster: ${STAGES[s.labels.stage]}${at(s)}`
        ),
        ...of(
          'run_start',
          s => `run: ${s.labels.lane}, ${s.labels.way}${at(s)}`
        )
      ]
    }
  ];
}

const STAGES: Record<string, string> = {
  head: 'head listens',
  queue: 'first job waits',
  worker: 'worker comes up',
  'first-worker': 'first worker',
  task: 'first task'
};

/** Lines over one common row of moments, as the chart wants them: null where a line has no point. */
export function align(
  lines: readonly { points: readonly Point[] }[]
): [number[], ...(number | null)[][]] {
  const moments = [
    ...new Set(lines.flatMap(line => line.points.map(({ at }) => at)))
  ].sort((a, b) => a - b);
  const place = new Map(moments.map((at, i) => [at, i]));
  const columns = lines.map(line => {
    const column = moments.map((): number | null => null);
    for (const { at, value } of line.points) {
      column[place.get(at)!] = value;
    }
    return column;
  });
  return [moments, ...columns];
}
