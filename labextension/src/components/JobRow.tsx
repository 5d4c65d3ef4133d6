import React from 'react';
import { roughly } from '../model/words';
import type { JobView } from '../wire';
import { Action } from './Action';
import { Glyph, type GlyphName } from './Glyph';
import { In, Moment } from './Moment';

interface IProps {
  job: JobView;
  /** The row before: a reason that stands there is not repeated in full. */
  above?: JobView;
  onLog: () => void;
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
export function JobRow({ job, above, onLog }: IProps): React.ReactElement {
  const why = job.reason_text || job.reason;
  const same = why !== '' && why === (above?.reason_text || above?.reason);
  return (
    <li className="ihpc-Job" data-ihpc-job={job.id}>
      <div className="ihpc-Job-line">
        <span className="ihpc-Job-id">{job.id}</span>
        <span className="ihpc-Job-state" title={`Workers: ${job.worker_state}`}>
          <Glyph name={GLYPHS[job.state] ?? 'failed'} />
          {job.state}
        </span>
        <span className="ihpc-Faint ihpc-Job-facts">
          {job.node && <span>{job.node}</span>}
          {timing(job)}
          {same && <span title={why}>same reason</span>}
          {job.restarts > 0 && <span>restarted {job.restarts}×</span>}
        </span>
        <Action
          glyph="script"
          text="Log"
          label={`Log of job ${job.id}`}
          onClick={onLog}
        />
      </div>
      {why && !same && (
        <p className="ihpc-Job-reason" title={job.reason}>
          {why}
        </p>
      )}
    </li>
  );
}

function timing(job: JobView): React.ReactNode {
  if (job.started_at === null && job.expected_start !== null) {
    return (
      <span>
        starts <In at={job.expected_start} late="any moment" />
      </span>
    );
  }
  if (job.started_at !== null && job.ends_at !== null) {
    return (
      <Moment
        at={job.ends_at}
        say={s => (s > 0 ? `${roughly(s)} left` : 'time is up')}
      />
    );
  }
  return null;
}
