import type { Figure, Point, Summary } from '../wire';
import { bytes, duration } from './words';

/** What a chart's numbers count. */
export type Unit = 'seconds' | 'ratio' | 'count' | 'bytes' | 'bytes/s';

// Steps between two marks of an axis: a minute has sixty seconds, counts have no halves, and bytes are read in
// powers of two.
const SECONDS = [
  ...[1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 0.1].flatMap(n => [n, 2 * n, 5 * n]),
  ...[1, 2, 5, 10, 15, 30],
  ...[1, 2, 5, 10, 15, 30].map(minutes => 60 * minutes),
  ...[1, 2, 3, 6, 12, 24].map(hours => 3600 * hours),
  ...[2, 5, 10, 30, 100, 300].map(days => 86400 * days)
];
const COUNT = [0, 1, 2, 3, 4, 5, 6].flatMap(power =>
  [1, 2, 5].map(n => n * 10 ** power)
);
const BYTES = Array.from({ length: 51 }, (_, power) => 2 ** power);

/** The steps between two marks of an axis of that unit; undefined where those of ten do. */
export function steps(unit: Unit): number[] | undefined {
  switch (unit) {
    case 'seconds':
      return SECONDS;
    case 'count':
      return COUNT;
    case 'bytes':
    case 'bytes/s':
      return BYTES;
    case 'ratio':
      return undefined;
  }
}

/** A measured value: "20 µs", "0.4 ms", "12 ms", "3.2 s", "5 min 20 s"; "42 %", "1,024", "1.5 GiB", "3 MiB/s". */
export function measured(value: number, unit: Unit): string {
  switch (unit) {
    case 'ratio':
      return `${Math.round(100 * value)} %`;
    case 'count':
      return Math.round(value).toLocaleString('en');
    case 'bytes':
      return bytes(Math.round(value));
    case 'bytes/s':
      return `${bytes(Math.round(value))}/s`;
    case 'seconds':
      return seconds(value);
  }
}

function seconds(value: number): string {
  if (value > 0 && value < 9.5e-5) {
    return `${Math.round(1e6 * value)} µs`;
  }
  if (value > 0 && value < 0.9995) {
    const ms = 1000 * value;
    return ms < 10 ? `${ms.toFixed(1)} ms` : `${ms.toFixed(0)} ms`;
  }
  return value > 0 && value < 59.95
    ? `${value.toFixed(1).replace(/\.0$/, '')} s`
    : duration(value);
}

/** The same of a figure: "≥ 3 s" where it is a lower bound, "–" where nothing is known. */
export function figure(f: Figure | null, unit: Unit): string {
  return f === null
    ? '–'
    : `${f.at_least ? '≥ ' : ''}${measured(f.value, unit)}`;
}

/** A ratio beside its baseline's: "0.42 (0.35)". */
export function beside(now: number | null, baseline: number | null): string {
  const text = (n: number | null): string =>
    n === null ? '–' : n.toFixed(n < 1 ? 2 : n < 10 ? 1 : 0);
  return `${text(now)} (${text(baseline)})`;
}

/** How many samples: "12", "12, 3 still wait". */
export function count(s: Summary): string {
  return s.waiting ? `${s.count}, ${s.waiting} still waiting` : `${s.count}`;
}

/** Figures of what this page measures itself, by the same rules as the agent's. */
export function summarise(
  points: readonly Point[],
  window: number,
  now: number
): Summary {
  const lately = points.filter(({ at }) => at >= now - window);
  const values = lately.map(({ value }) => value).sort((a, b) => a - b);
  const n = values.length;
  const of = (share: number): Figure | null =>
    n
      ? {
          value: values[Math.max(0, Math.ceil(share * n) - 1)],
          at_least: false
        }
      : null;
  const mean = values.reduce((sum, value) => sum + value, 0) / n;
  const squares = values.reduce((sum, v) => sum + (v - mean) ** 2, 0);
  const [p50, p95] = [of(0.5), of(0.95)];
  return {
    count: n,
    waiting: 0,
    window,
    age: n ? Math.max(0, now - lately[n - 1].at) : null,
    p50,
    p95,
    maximum: of(1),
    variation: n > 1 && mean > 0 ? Math.sqrt(squares / (n - 1)) / mean : null,
    tail: p50 && p95 && p50.value > 0 ? p95.value / p50.value : null
  };
}
