import React from 'react';
import { isClose, timeLeft } from '../model/ending';
import type { Here } from '../wire';
import { Action } from './Action';
import { Glyph } from './Glyph';
import { Live } from './Live';
import { Clock, useTick } from './ticker';

interface IProps {
  here: Here;
  onExplain: () => void;
}

/** The job that this Jupyter server runs in: which it is, and the time that is left. */
export function OwnJob({ here, onExplain }: IProps): React.ReactElement {
  const element = React.useRef<HTMLElement>(null);
  const clock = React.useContext(Clock);
  useTick(element);
  const { job, site } = here;
  const left = timeLeft(here, clock());
  const close = isClose(here, clock());
  return (
    <section
      ref={element}
      className={`ihpc-OwnJob${close ? ' ihpc-mod-close' : ''}`}
      aria-label="This server’s job"
      data-ihpc-own-job={job.id}
    >
      <Glyph name={close ? 'warning' : 'wait'} />
      <p className="ihpc-OwnJob-text">
        This server is job {job.id}
        <span className="ihpc-Faint">
          {' '}
          at {site}
          {(job.lane || job.partition) && `, lane ${job.lane || job.partition}`}
        </span>
        <br />
        <b>{left || 'no time limit is told'}</b>
      </p>
      <Action
        glyph="plan"
        text="Its end…"
        label="What ends with this server’s job, and what to do"
        onClick={onExplain}
      />
      <Live text={close ? 'This server’s job ends soon' : ''} />
    </section>
  );
}

/** The same in the status bar, in few words. */
export function OwnJobWords({ here }: { here: Here }): React.ReactElement {
  const element = React.useRef<HTMLSpanElement>(null);
  const clock = React.useContext(Clock);
  useTick(element);
  const close = isClose(here, clock());
  return (
    <span
      ref={element}
      className={`ihpc-StatusItem-own${close ? ' ihpc-mod-close' : ''}`}
      data-ihpc-own-job={here.job.id}
    >
      <Glyph name={close ? 'warning' : 'wait'} />
      this server: {timeLeft(here, clock()) || `job ${here.job.id}`}
    </span>
  );
}
