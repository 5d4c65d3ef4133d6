import React from 'react';
import { cost, lane as lanes, preemption, wait } from '../model/words';
import type { Lane, Wait } from '../wire';
import { WAITS } from './SiteLine';

interface IProps {
  lanes: Record<string, Lane>;
  waits: Record<string, Wait>;
  chosen: string;
  onChoose: (lane: string) => void;
}

/** The site's offers as cards: limits, price, and whether jobs may be sent away. */
export function LaneChoice(props: IProps): React.ReactElement {
  return (
    <fieldset className="ihpc-Field ihpc-Lanes">
      <legend className="ihpc-Field-name">Lane</legend>
      {Object.entries(props.lanes).map(([name, lane]) => (
        <label key={name} className="ihpc-Lane">
          <input
            type="radio"
            name="lane"
            value={name}
            checked={name === props.chosen}
            onChange={() => props.onChoose(name)}
          />
          <span>
            <b>{name}</b>
            {lane.title && lane.title !== name && <> · {lane.title}</>}
            <span className="ihpc-Faint">{lanes(lane)}</span>
            <span className="ihpc-Faint">
              {cost(lane.cost_factor)}. {preemption(lane)}.
            </span>
            <span className="ihpc-Faint" title={WAITS}>
              {lately(props.waits[name])}
            </span>
          </span>
        </label>
      ))}
    </fieldset>
  );
}

function lately(known: Wait | undefined): string {
  return known?.count
    ? `Queue: lately ${wait(known)}, n = ${known.count}.`
    : 'Queue: no waits seen yet.';
}
