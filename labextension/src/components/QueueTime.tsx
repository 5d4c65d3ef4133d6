import React from 'react';
import { over } from '../model/queue';
import { roughly } from '../model/words';
import type { QueueRow } from '../wire';
import { At, Held } from './Heard';
import { Ago, In, Moment } from './Moment';

/** When a job started, or is expected to. */
export function Start({ row }: { row: QueueRow }): React.ReactElement {
  const held = React.useContext(Held);
  if (row.started_at !== null) {
    return <Ago at={row.started_at} />;
  }
  if (row.expected_start === null || over(row)) {
    return <span className="ihpc-Faint">{over(row) ? '–' : 'not told'}</span>;
  }
  return (
    <span title="As the batch system expects">
      expected <Expected at={row.expected_start} held={held} />
    </span>
  );
}

/** A start that the batch system expects; while it is silent the moment that it named last. */
export function Expected(props: {
  at: number;
  held: number | null;
}): React.ReactElement {
  return props.held === null ? (
    <In at={props.at} late="any moment" />
  ) : (
    <>
      <span className="ihpc-Queue-then">
        at <At at={props.at} />
      </span>
    </>
  );
}

/** What is left until a job's end; while nobody says that it still runs, what was left then. */
export function Left(props: {
  at: number;
  held: number | null;
}): React.ReactElement {
  const say = (s: number): string =>
    s > 0 ? `${roughly(s)} left` : 'time is up';
  return <Since {...props} say={say} />;
}

function Since(props: {
  at: number;
  held: number | null;
  say: (seconds: number) => string;
}): React.ReactElement {
  const { at, held, say } = props;
  return held === null ? (
    <Moment at={at} say={say} />
  ) : (
    <>
      {say(at - held)}
      <span className="ihpc-Faint ihpc-Queue-then">
        {' '}
        at <At at={held} />
      </span>
    </>
  );
}

/** How long a job has waited, or has left, or ran. */
export function Time({ row }: { row: QueueRow }): React.ReactElement {
  const held = React.useContext(Held);
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
        <Left at={ends_at} held={held} />
        {again}
      </>
    );
  }
  if (started_at === null && submitted_at !== null) {
    const verb = held === null ? 'waits' : 'waited';
    return (
      <>
        <Since
          at={submitted_at}
          held={held}
          say={s => `${verb} ${roughly(-s)}`}
        />
        {again}
      </>
    );
  }
  return <>–{again}</>;
}
