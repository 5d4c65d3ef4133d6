import React from 'react';
import { COUNTS, summary } from '../model/words';
import type { Counts } from '../wire';

interface IProps {
  counts: Counts;
  target: number;
}

/** Workers by where they are: a bar for the eye, a legend in words, one sentence for the ear. */
export function WorkerBar({ counts, target }: IProps): React.ReactElement {
  const shown = COUNTS.filter(state => counts[state] > 0);
  const known = shown.reduce((sum, state) => sum + counts[state], 0);
  const missing = Math.max(0, target - known);
  return (
    <div className="ihpc-Workers">
      <div
        className="ihpc-Workers-bar"
        role="img"
        aria-label={summary(counts, target)}
      >
        {shown.map(state => (
          <span
            key={state}
            className={`ihpc-Swatch ihpc-mod-${state}`}
            style={{ flexGrow: counts[state] }}
          />
        ))}
        {missing > 0 && <span style={{ flexGrow: missing }} />}
      </div>
      <ul className="ihpc-Workers-legend" aria-hidden="true">
        {known + missing === 0 && <li>No workers asked for</li>}
        {shown.map(state => (
          <li key={state} data-ihpc-state={state}>
            <span className={`ihpc-Swatch ihpc-mod-${state}`} />
            {counts[state]} {state}
          </li>
        ))}
        {missing > 0 && (
          <li data-ihpc-state="missing">
            <span className="ihpc-Swatch" />
            {missing} to ask for
          </li>
        )}
      </ul>
    </div>
  );
}
