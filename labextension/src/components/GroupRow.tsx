import React from 'react';
import { type IAsk, wished } from '../model/asks';
import { duration, shape } from '../model/words';
import type { Adapt, GroupView } from '../wire';
import { ErrorBox } from './ErrorBox';
import { JobList } from './JobList';
import { ProblemBox } from './ProblemBox';
import { Range } from './Range';
import { Stepper } from './Stepper';

interface IProps {
  cluster: string;
  group: GroupView;
  ask: IAsk | undefined;
  readOnly: boolean;
  askedAt: number | null;
  onScale: (target: number) => void;
  onAdapt: (adapt: Adapt) => void;
  onDismiss: () => void;
  onRetry: () => void;
  onLog: (job: string) => void;
}

const IDLE = 300;
const FIRST_MOST = 4;

/** Workers of one kind: what they are, how many there should be, their jobs. */
export function GroupRow(props: IProps): React.ReactElement {
  const { cluster, ask, readOnly } = props;
  const group = wished(props.group, ask);
  const { adapt, maximum, target } = group;
  const label = `workers of ${cluster}, group ${group.name}`;
  const follow = (): void => {
    const most = Math.min(maximum, target || FIRST_MOST);
    props.onAdapt({ minimum: 0, maximum: most, idle: IDLE });
  };
  return (
    <section className="ihpc-Group" aria-label={`Group ${group.name}`}>
      <p className="ihpc-Group-title">
        <b>{group.name}</b>
        <span className="ihpc-Chip" title="Lane">
          {group.lane}
        </span>
        <span
          className="ihpc-Faint"
          title={`Each job: ${shape(group.shape)}, ${duration(group.time_limit)}`}
        >
          {shape(group.shape)}
        </span>
      </p>
      <div className="ihpc-Group-target">
        {adapt ? (
          <Range
            label={label}
            adapt={adapt}
            maximum={maximum}
            disabled={readOnly}
            onSet={props.onAdapt}
          />
        ) : (
          <Stepper
            label={label}
            value={target}
            maximum={maximum}
            disabled={readOnly}
            onSet={props.onScale}
          />
        )}
        <button
          type="button"
          role="switch"
          className="ihpc-Switch"
          aria-checked={adapt !== null}
          aria-label={`Follow the load: ${label}`}
          title={
            adapt
              ? 'Workers follow the load; click for a fixed number'
              : 'A fixed number of workers; click to follow the load'
          }
          disabled={readOnly}
          onClick={adapt ? () => props.onScale(target) : follow}
        >
          adaptive
        </button>
        <span className="ihpc-Faint ihpc-Group-state">
          {ask?.patch ? 'asking…' : adapt ? `now ${target}` : `max ${maximum}`}
        </span>
      </div>
      {ask?.error && <ErrorBox error={ask.error} onDismiss={props.onDismiss} />}
      {group.problem && (
        <ProblemBox
          problem={group.problem}
          of={`${cluster}, group ${group.name}`}
          onRetry={readOnly ? undefined : props.onRetry}
        />
      )}
      {group.jobs.length > 0 && (
        <JobList
          jobs={group.jobs}
          of={group.name}
          askedAt={props.askedAt}
          onLog={props.onLog}
        />
      )}
    </section>
  );
}
