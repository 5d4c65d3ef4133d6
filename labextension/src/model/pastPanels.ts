import type { Point, Timeline } from '../wire';
import { measured } from './figures';
import type { IChart, IDrawn } from './panels';
import { COUNTS } from './words';

// The colours of the bar on a cluster's card.
const TONES: Record<(typeof COUNTS)[number], string> = {
  working: '--jp-success-color1',
  starting: '--jp-brand-color1',
  pending: '--jp-warn-color1',
  requested: '--jp-ui-font-color2',
  lost: '--jp-error-color1'
};

/** The charts of a cluster's pane. */
export function pastPanels(told: Timeline): IChart[] {
  const line = (
    name: string,
    values: readonly (number | null)[],
    colour?: string
  ): IDrawn => ({ name, points: points(told.moments, values), colour });
  return [
    {
      id: 'workers',
      title: 'Workers',
      note: 'Worker processes by where they are.',
      unit: 'count',
      drawn: 'steps',
      lines: COUNTS.map(state => line(state, told[state], TONES[state]))
    },
    {
      id: 'tasks',
      title: 'Tasks',
      note: 'All that the head knows, kept results included; in work: given to workers and not finished.',
      unit: 'count',
      drawn: 'steps',
      lines: [line('all', told.tasks), line('in work', told.processing)]
    },
    {
      id: 'memory',
      title: 'Memory',
      note: 'Of all workers together, beside what they may use.',
      unit: 'bytes',
      drawn: 'lines',
      lines: [line('used', told.memory), line('limit', told.memory_limit)]
    },
    {
      id: 'transfer',
      title: 'Transfer',
      note: 'What workers send, to one another and to clients.',
      unit: 'bytes/s',
      drawn: 'lines',
      lines: [line('sent', told.transfer)]
    }
  ];
}

function points(
  moments: readonly number[],
  values: readonly (number | null)[]
): Point[] {
  return moments.flatMap((at, i) => {
    const value = values[i];
    return value === null ? [] : [{ at, value }];
  });
}

/** A line's newest, least and greatest value, in words; "–" where nothing is known. */
export function extremes(
  { points }: IDrawn,
  unit: IChart['unit']
): [now: string, least: string, most: string] {
  if (!points.length) {
    return ['–', '–', '–'];
  }
  const values = points.map(({ value }) => value);
  const told = [values.at(-1)!, Math.min(...values), Math.max(...values)];
  const [now, least, most] = told.map(value => measured(value, unit));
  return [now, least, most];
}
