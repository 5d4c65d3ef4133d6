import React from 'react';
import { brief, endedAt, over, price, soFar, verdict } from '../model/runs';
import type { RunView } from '../wire';
import type { IActions } from './actions';
import { Attempts } from './Attempts';
import { Countdown } from './Countdown';
import { Disclosure } from './Disclosure';
import { Live } from './Live';
import { Ago } from './Moment';
import { ProblemBox } from './ProblemBox';
import { RunActions } from './RunActions';
import { RunHeader } from './RunHeader';
import { StageLine } from './StageLine';
import { Clock, useTick } from './ticker';

interface IProps {
  run: RunView;
  cancelling: boolean;
  /** What a core-hour costs in the run's lane. */
  factor: number;
  actions: IActions;
}

/** An urgent run: how far it is, what time is left, what it costs; an ended one is folded. */
export function RunCard(props: IProps): React.ReactElement {
  const { run, cancelling, actions } = props;
  const name = run.title || run.id;
  const ended = over(run);
  const reason = ended ? '' : run.reason;
  const course = (
    <>
      <StageLine run={run} />
      {run.attempts.length > 0 && (
        <Attempts attempts={run.attempts} of={name} mailbox={run.mailbox} />
      )}
    </>
  );
  return (
    <article
      className="ihpc-Card"
      role="group"
      aria-label={`Run ${name}, ${run.state}`}
      data-ihpc-run={run.id}
    >
      <RunHeader run={run} cancelling={cancelling} />
      <Live
        text={`Run ${name}: ${[run.state, reason].filter(Boolean).join(', ')}`}
      />
      {run.problem && <ProblemBox problem={run.problem} of={name} />}
      {!ended && run.deadline_at !== null && (
        <Countdown run={run} deadline={run.deadline_at} />
      )}
      {reason && <p className="ihpc-Run-reason">{reason}</p>}
      {!ended && course}
      <Bill run={run} factor={props.factor} />
      {ended && (
        <Disclosure label={`Course of ${name}`} summary="What happened">
          {course}
        </Disclosure>
      )}
      <RunActions run={run} cancelling={cancelling} actions={actions} />
    </article>
  );
}

/** What came of it and what it cost, in one line. */
function Bill(props: { run: RunView; factor: number }): React.ReactElement {
  const { run, factor } = props;
  const told = verdict(run);
  const end = endedAt(run);
  const { core_hours, wasted_core_hours, budget } = run;
  return (
    <p className="ihpc-Load">
      {told && <span className="ihpc-Run-verdict">{told}</span>}
      {end !== null && <Ago at={end} />}
      {run.seconds !== null && (
        <span title="How long your code ran">{brief(run.seconds)} of code</span>
      )}
      <span title="Core-hours so far, times the lane's cost factor">
        {over(run) ? paid(core_hours) : <Meter run={run} factor={factor} />}
        {budget !== null && ` of at most ${price(budget)}`}
      </span>
      {wasted_core_hours > 0 && (
        <span title="Used by lost attempts and by copies that were not first">
          {price(wasted_core_hours)} of it wasted
        </span>
      )}
    </p>
  );
}

const paid = (core_hours: number): string =>
  core_hours > 0 ? price(core_hours) : 'nothing spent';

/** The price of a live run, which grows while one looks. */
function Meter(props: { run: RunView; factor: number }): React.ReactElement {
  const { run, factor } = props;
  const element = React.useRef<HTMLSpanElement>(null);
  const now = React.useContext(Clock);
  useTick(element);
  return <span ref={element}>{paid(soFar(run, factor, now()))}</span>;
}
