const FIRST = 0.5;
const LONGEST = 30;

/** Seconds before attempt *n* (from 0): doubled each time, with jitter so that tabs do not return in step. */
export function delay(n: number, random: () => number = Math.random): number {
  const ceiling = Math.min(LONGEST, FIRST * 2 ** Math.min(n, 10));
  return ceiling * (0.5 + 0.5 * random());
}
