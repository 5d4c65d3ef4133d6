import React from 'react';
import { hourly, type IDraft } from '../model/draft';
import { bytes, many } from '../model/words';
import type { Lane, Shape } from '../wire';
import { Whole } from './Whole';

interface IProps {
  draft: IDraft;
  lane: Lane;
  shape: Shape;
  onChange: (next: Partial<IDraft>) => void;
}

const YEAR = 366 * 86400;

/** How many workers: a fixed number, or bounds; and what that comes to. */
export function SizeChoice(props: IProps): React.ReactElement {
  const { draft, lane, shape, onChange } = props;
  const most = lane.max_workers;
  const workers = draft.adaptive ? draft.maximum : draft.target;
  const jobs = Math.ceil(workers / shape.processes);
  const price = hourly(draft, lane, shape);
  return (
    <fieldset className="ihpc-Field">
      <legend className="ihpc-Field-name">Workers</legend>
      <div className="ihpc-Row ihpc-Row-choice">
        <label>
          <input
            type="radio"
            name="size"
            checked={!draft.adaptive}
            onChange={() => onChange({ adaptive: false })}
          />{' '}
          A fixed number
        </label>
        <label>
          <input
            type="radio"
            name="size"
            checked={draft.adaptive}
            onChange={() => onChange({ adaptive: true })}
          />{' '}
          As many as the work needs
        </label>
      </div>
      <div className="ihpc-Row">
        {draft.adaptive ? (
          <>
            <Whole
              name="At least"
              value={draft.minimum}
              minimum={0}
              maximum={draft.maximum}
              onChange={minimum => onChange({ minimum })}
            />
            <Whole
              name="At most"
              value={draft.maximum}
              minimum={draft.minimum}
              maximum={most}
              onChange={maximum => onChange({ maximum })}
            />
          </>
        ) : (
          <Whole
            name="How many"
            value={draft.target}
            minimum={0}
            maximum={most}
            onChange={target => onChange({ target })}
          />
        )}
        <Whole
          name="Minutes a job"
          value={draft.minutes ?? Math.ceil(lane.time_limit / 60)}
          minimum={1}
          maximum={Math.ceil((lane.max_time ?? YEAR) / 60)}
          onChange={minutes => onChange({ minutes })}
        />
      </div>
      <p className="ihpc-Faint" role="status">
        {draft.adaptive ? 'At most ' : ''}
        {many(jobs, 'job')}: {many(jobs * shape.cores, 'core')},{' '}
        {bytes(jobs * shape.memory)}
        {price > 0 && `; ${Number(price.toFixed(2))} core-hours an hour`}.
      </p>
    </fieldset>
  );
}
