import React from 'react';
import type { IFeedStatus } from '../model/feed';
import { Action } from './Action';
import { Glyph } from './Glyph';
import { Ago, In } from './Moment';

interface IProps {
  status: IFeedStatus;
  onReconnect: () => void;
}

/** Says that what is shown is old, how old, and when we try again. */
export function FeedBanner(props: IProps): React.ReactElement | null {
  const { live, heardAt, retryAt, error } = props.status;
  if (live || (heardAt === null && error === null)) {
    return null;
  }
  return (
    <div className="ihpc-Box ihpc-mod-warning ihpc-mod-stale" role="status">
      <Glyph name="warning" />
      <div className="ihpc-Box-text">
        <p className="ihpc-Box-message">
          {error?.message ?? 'Live updates are interrupted.'}
        </p>
        {error?.hint && <p>{error.hint}</p>}
        <p className="ihpc-Faint">
          {heardAt !== null && (
            <>
              Shown is what was so <Ago at={heardAt} />
              {'. '}
            </>
          )}
          {retryAt !== null && (
            <>
              Next try <In at={retryAt} late="now" />.
            </>
          )}
        </p>
      </div>
      <Action
        glyph="retry"
        text="Try now"
        label="Connect again now"
        onClick={props.onReconnect}
      />
    </div>
  );
}
