import type { JobView, QueueRow } from '../wire';
import { over } from './queue';

/**
 * Up to when jobs are known: null while the batch system answers and we hear of it, then what waits and what is left
 * goes on with the clock; else the moment of its last word, at which both stand still.
 */
export function heldAt(
  said: { readonly at: number | null; readonly silent: boolean },
  live: boolean
): number | null {
  return said.silent || !live ? said.at : null;
}

/** Whether a job's state may have become another since it was told: not once it has ended. */
export function mayHaveChanged(state: QueueRow['state']): boolean {
  return !over({ state }) || state === 'COMPLETING';
}

/** Whether nobody else vouches for a cluster's job: workers that are heard prove that it runs. */
export function unproved(job: JobView): boolean {
  return job.worker_state !== 'working' && mayHaveChanged(job.state);
}
