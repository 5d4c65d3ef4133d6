import React from 'react';
import { bytes, many } from '../model/words';
import type { ClusterView } from '../wire';
import { Action } from './Action';

/** Tasks, memory and what was spent, in one line; a button leads to how that was before. */
export function LoadLine(props: {
  cluster: ClusterView;
  onPast: () => void;
}): React.ReactElement {
  const { name, load, core_hours } = props.cluster;
  const tasks = load.tasks
    ? `${many(load.tasks, 'task')}, ${load.processing} in work`
    : 'No tasks';
  const spent = core_hours >= 0.01 ? core_hours.toFixed(2) : '';
  return (
    <div className="ihpc-Load">
      <div className="ihpc-Load-values">
        <span>{tasks}</span>
        {load.memory_limit > 0 && (
          <span title="Memory of the workers, used of what they have">
            {bytes(load.memory)} of {bytes(load.memory_limit)}
          </span>
        )}
        {load.clients > 0 && <span>{many(load.clients, 'client')}</span>}
        {spent && (
          <span title="Core-hours so far, times the lane's cost factor">
            {spent} core-h
          </span>
        )}
      </div>
      <Action
        glyph="chart"
        text=""
        label={`Open ${name} over time`}
        onClick={props.onPast}
      />
    </div>
  );
}
