import React from 'react';
import { Ago } from './Moment';

/** The moment at which the jobs inside stand still, as `heldAt` decides; null: they are as they are shown. */
export const Held = React.createContext<number | null>(null);

/** What follows a state that nobody confirms any more, and how old it is. */
export function LastHeard({ at }: { at: number }): React.ReactElement {
  return (
    <span className="ihpc-Faint ihpc-LastHeard">
      when last heard, <Ago at={at} />
    </span>
  );
}

/** A moment as the clock shows it: it does not go on. */
export function At({ at }: { at: number }): React.ReactElement {
  const then = new Date(at * 1000);
  return (
    <time dateTime={then.toISOString()} title={then.toLocaleString()}>
      {then.toLocaleTimeString()}
    </time>
  );
}
