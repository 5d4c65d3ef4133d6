import React from 'react';
import { cost, lane as lanes, preemption } from '../model/words';
import type { Lane } from '../wire';

interface IProps {
  lanes: Record<string, Lane>;
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
          </span>
        </label>
      ))}
    </fieldset>
  );
}
