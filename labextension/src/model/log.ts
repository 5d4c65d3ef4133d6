import type { LogTail } from '../wire';

/** Characters of a log that a page holds. */
export const KEPT = 1 << 18;

/** A log with what was read after it; the same where nothing was. What is not its continuation stands alone. */
export function joined(before: LogTail, next: LogTail): LogTail {
  if (next.start === before.end && next.end === before.end) {
    return before;
  }
  if (next.start !== before.end) {
    return next;
  }
  const text = before.text + next.text;
  return {
    ...next,
    start: before.start,
    text: text.slice(-KEPT),
    truncated: before.truncated || text.length > KEPT
  };
}
