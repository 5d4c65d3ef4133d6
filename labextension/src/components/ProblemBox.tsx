import React from 'react';
import type { Problem } from '../wire';
import { Action } from './Action';
import { Glyph } from './Glyph';
import { Ago, In } from './Moment';

interface IProps {
  problem: Problem;
  /** Whose problem it is, for the button's name. */
  of: string;
  onRetry?: () => void;
}

/** What went wrong, since when, what to do, and when it is tried again. */
export function ProblemBox(props: IProps): React.ReactElement {
  const { message, hint, since, retry_at } = props.problem;
  return (
    <div
      className="ihpc-Box ihpc-mod-warning"
      role="group"
      aria-label="Problem"
    >
      <Glyph name="warning" />
      <div className="ihpc-Box-text">
        <p className="ihpc-Box-message">{message}</p>
        {hint && <p>{hint}</p>}
        <p className="ihpc-Faint">
          Since <Ago at={since} />
          {retry_at !== null && (
            <>
              {' · next try '}
              <In at={retry_at} late="now" />
            </>
          )}
        </p>
      </div>
      {props.onRetry && (
        <Action
          glyph="retry"
          text="Retry"
          label={`Retry ${props.of} now`}
          onClick={props.onRetry}
        />
      )}
    </div>
  );
}
