import React from 'react';
import { left, LITTLE } from '../model/runs';
import { duration, roughly } from '../model/words';
import type { RunView } from '../wire';
import { Glyph } from './Glyph';
import { Live } from './Live';
import { Clock, useTick } from './ticker';

interface IProps {
  run: RunView;
  deadline: number;
}

/** The time to a run's deadline: in words, as a bar that becomes shorter, and as a warning when little is left. */
export function Countdown({ run, deadline }: IProps): React.ReactElement {
  const element = React.useRef<HTMLDivElement>(null);
  const clock = React.useContext(Clock);
  useTick(element);
  const now = clock();
  const part = left(run, now);
  const late = now >= deadline;
  const tone = late ? 'missed' : part <= LITTLE ? 'little' : 'ample';
  const warning = late
    ? 'The deadline is missed'
    : tone === 'little'
      ? 'Little time is left'
      : '';
  return (
    <div
      ref={element}
      className={`ihpc-Countdown ihpc-mod-${tone}`}
      title={`Deadline ${new Date(deadline * 1000).toLocaleString()}`}
    >
      <p role="timer">
        <Glyph name={tone === 'ample' ? 'wait' : 'warning'} />{' '}
        {late
          ? `deadline missed ${roughly(now - deadline)} ago`
          : `${duration(Math.ceil(deadline - now))} left`}
        {!late && (
          <span className="ihpc-Faint">
            {' '}
            of {duration(deadline - run.created_at)}
          </span>
        )}
      </p>
      <div className="ihpc-Countdown-bar" aria-hidden="true">
        <span style={{ width: `${100 * part}%` }} />
      </div>
      <Live text={warning} />
    </div>
  );
}
