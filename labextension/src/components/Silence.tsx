import React from 'react';
import { Glyph } from './Glyph';
import { Ago } from './Moment';

/** Says that the batch system does not answer, and how old what is shown is; nothing where it does. */
export function Silence(props: {
  silence: string;
  at: number;
}): React.ReactElement | null {
  if (!props.silence) {
    return null;
  }
  return (
    <div className="ihpc-Box ihpc-mod-warning" role="status">
      <Glyph name="warning" />
      <div className="ihpc-Box-text">
        <p className="ihpc-Box-message">{props.silence}</p>
        <p>
          Shown is what was so <Ago at={props.at} />.
        </p>
      </div>
    </div>
  );
}
