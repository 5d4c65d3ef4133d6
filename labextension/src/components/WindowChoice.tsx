import React from 'react';
import { duration } from '../model/words';

const WINDOWS = [900, 3600, 6 * 3600, 86400];

/** The span of time that a pane looks back over. */
export function WindowChoice(props: {
  window: number;
  onChoose: (seconds: number) => void;
}): React.ReactElement {
  return (
    <label>
      Window{' '}
      <select
        value={props.window}
        onChange={event => props.onChoose(Number(event.target.value))}
      >
        {WINDOWS.map(seconds => (
          <option key={seconds} value={seconds}>
            {duration(seconds)}
          </option>
        ))}
      </select>
    </label>
  );
}
