import React from 'react';
import { unproved } from '../model/heard';
import { canHaveLog, inArray, why } from '../model/jobs';
import type { JobView } from '../wire';
import { Action } from './Action';
import { Glyph, type GlyphName } from './Glyph';
import { Held, LastHeard } from './Heard';
import { Expected, Left } from './QueueTime';

interface IProps {
  job: JobView;
  /** The row before: a reason that stands there is not repeated in full. */
  above?: JobView;
  /** Inside of a row that has told the reason. */
  inFold?: boolean;
  onLog: (job: string) => void;
}

const GLYPHS: Partial<Record<JobView['state'], GlyphName>> = {
  PENDING: 'wait',
  REQUEUED: 'wait',
  CONFIGURING: 'busy',
  RUNNING: 'play',
  COMPLETING: 'busy',
  COMPLETED: 'ok',
  CANCELLED: 'stopped',
  UNKNOWN: 'unknown',
  SUSPENDED: 'wait',
  PREEMPTED: 'warning'
};

/** One job: in the batch system's words what it does, in plain words why it waits. */
export function JobRow(props: IProps): React.ReactElement {
  const { job, above, inFold, onLog } = props;
  const reason = inFold ? '' : why(job);
  const held = useHeld(job);
  const [array, rest] = inArray(job.id);
  const same = reason !== '' && reason === why(above);
  return (
    <li className="ihpc-Job" data-ihpc-job={job.id}>
      <div className="ihpc-Job-line">
        <span className="ihpc-Job-words">
          <span className="ihpc-Job-id" title={job.id}>
            <span className="ihpc-Job-array">{array}</span>
            {rest}
          </span>
          <JobStateWord job={job} />
          <span className="ihpc-Faint ihpc-Job-facts">
            {job.node && (
              <span className="ihpc-Job-node" title={job.node}>
                {job.node}
              </span>
            )}
            {timing(job, held)}
            {same && <span title={reason}>same reason</span>}
            {job.restarts > 0 && (
              <span title={`Restarted ${job.restarts} times`}>
                restarted {job.restarts}×
              </span>
            )}
          </span>
        </span>
        {canHaveLog(job) && (
          <Action
            glyph="script"
            text=""
            label={`Log of job ${job.id}`}
            onClick={() => onLog(job.id)}
          />
        )}
      </div>
      {reason && !same && (
        <p className="ihpc-Job-reason" title={job.reason}>
          {reason}
        </p>
      )}
    </li>
  );
}

/** A state with its drawing, and how many jobs are in it where they are several. */
export function JobStateWord(props: {
  job: JobView;
  count?: number;
}): React.ReactElement {
  const { state, worker_state } = props.job;
  const held = useHeld(props.job);
  return (
    <span className="ihpc-Job-state" title={`Workers: ${worker_state}`}>
      <Glyph name={GLYPHS[state] ?? 'failed'} />
      {props.count && `${props.count.toLocaleString('en')} `}
      {state}
      {held !== null && <LastHeard at={held} />}
    </span>
  );
}

/** The moment up to which a job is known; null where it is known now. */
function useHeld(job: JobView): number | null {
  const held = React.useContext(Held);
  return unproved(job) ? held : null;
}

function timing(job: JobView, held: number | null): React.ReactNode {
  if (job.started_at === null && job.expected_start !== null) {
    return (
      <span>
        starts <Expected at={job.expected_start} held={held} />
      </span>
    );
  }
  if (job.started_at !== null && job.ends_at !== null) {
    return <Left at={job.ends_at} held={held} />;
  }
  return null;
}
