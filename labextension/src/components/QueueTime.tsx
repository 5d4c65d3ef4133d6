import React from 'react';
import { over } from '../model/queue';
import { roughly } from '../model/words';
import type { QueueRow } from '../wire';
import { Ago, In, Moment } from './Moment';

/** When a job started, or is expected to. */
export function Start({ row }: { row: QueueRow }): React.ReactElement {
  if (row.started_at !== null) {
    return <Ago at={row.started_at} />;
  }
  if (row.expected_start === null || over(row)) {
    return <span className="ihpc-Faint">{over(row) ? '–' : 'not told'}</span>;
  }
  return (
    <span title="As the batch system expects">
      expected <In at={row.expected_start} late="any moment" />
    </span>
  );
}

/** How long a job has waited, or has left, or ran. */
export function Time({ row }: { row: QueueRow }): React.ReactElement {
  const { started_at, ends_at, submitted_at, restarts } = row;
  const again = restarts > 0 && (
    <span className="ihpc-Faint"> restarted {restarts}×</span>
  );
  if (over(row)) {
    const ran = started_at !== null && ends_at !== null;
    return <>{ran ? `ran ${roughly(ends_at - started_at)}` : 'never ran'}</>;
  }
  if (started_at !== null && ends_at !== null) {
    return (
      <>
        <Moment
          at={ends_at}
          say={s => (s > 0 ? `${roughly(s)} left` : 'time is up')}
        />
        {again}
      </>
    );
  }
  if (started_at === null && submitted_at !== null) {
    return (
      <>
        <Moment at={submitted_at} say={s => `waits ${roughly(-s)}`} />
        {again}
      </>
    );
  }
  return <>–{again}</>;
}
