import React from 'react';
import { many, shape } from '../model/words';
import type { RunView } from '../wire';
import { Glyph } from './Glyph';
import { RUN_GLYPHS } from './runState';

interface IProps {
  run: RunView;
  cancelling: boolean;
}

/** A run's first line, state and place; who looks after it, where that is not this host. */
export function RunHeader({ run, cancelling }: IProps): React.ReactElement {
  const where = [run.site, run.cluster, run.account].filter(Boolean);
  return (
    <header className="ihpc-Card-header">
      <h3
        className="ihpc-Run-title"
        title={`${run.id}, created ${new Date(run.created_at * 1000).toLocaleString()}`}
      >
        {run.title || run.id}
      </h3>
      <span className={`ihpc-State ihpc-mod-${run.state}`}>
        <Glyph name={cancelling ? 'busy' : RUN_GLYPHS[run.state]} />
        {run.state}
        {cancelling && ', cancelling'}
      </span>
      <span className="ihpc-Run-place">
        <span className="ihpc-Chip" title="Lane">
          {run.lane}
        </span>
        <span
          className="ihpc-Faint"
          title={`${where.join(', ')}; ${shape(run.shape)}`}
        >
          {[...where, ...size(run)].join(' · ')}
        </span>
      </span>
      {run.urgency && (
        <p className="ihpc-Card-note" title="Why it is urgent">
          “{run.urgency}”
        </p>
      )}
      {run.holder !== null && (
        <p className="ihpc-Card-note">
          <Glyph name="lock" /> Looked after on {run.holder}: here you can only
          watch it.
        </p>
      )}
    </header>
  );
}

function size(run: RunView): string[] {
  return [
    ...(run.copies > 1 ? [many(run.copies, 'copy', 'copies')] : []),
    ...(run.tasks > 1 ? [many(run.tasks, 'task')] : [])
  ];
}
