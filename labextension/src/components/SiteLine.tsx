import React from 'react';
import { measured } from '../model/figures';
import { many, waits } from '../model/words';
import type { Health, SiteStatus } from '../wire';
import { Action } from './Action';
import { Glyph, type GlyphName } from './Glyph';
import { Ago } from './Moment';

export const HEALTH: Record<Health, GlyphName> = {
  up: 'ok',
  degraded: 'warning',
  down: 'failed',
  unknown: 'unknown'
};

interface IProps {
  status: SiteStatus;
  onCheck: () => void;
}

/** What the numbers of a queue mean. */
export const WAITS =
  'How long your jobs waited in the queue, by lane, since the agent started: half of them no longer than the first time, 95 of 100 no longer than p95; n is how many jobs that rests on.';

/** A site: how it is, in a word and a sentence, and how old that is. */
export function SiteLine({ status, onCheck }: IProps): React.ReactElement {
  const { site, health, detail, asked_at, latency, requests } = status;
  const title = site.title || site.name;
  const took =
    latency === null
      ? undefined
      : `Its last answer took ${measured(latency, 'seconds')}`;
  const queue = waits(status.waits);
  return (
    <div
      className="ihpc-Site"
      role="group"
      aria-label={`Site ${site.name}, ${health}`}
    >
      <span className={`ihpc-State ihpc-mod-${health}`}>
        <Glyph name={HEALTH[health]} />
      </span>
      <div className="ihpc-Site-text" title={took}>
        <p>
          <b>{title}</b>
          <span className={`ihpc-State ihpc-mod-${health}`}>{health}</span>
        </p>
        {detail && <p>{detail}</p>}
        <p className="ihpc-Faint ihpc-Site-asked">
          {site.proposed && <span>found by itself ·</span>}{' '}
          <span>
            {asked_at === null ? (
              'not asked yet'
            ) : (
              <>
                asked <Ago at={asked_at} />
              </>
            )}
            {requests > 0 && ' ·'}
          </span>{' '}
          {requests > 0 && (
            <span
              className="ihpc-Site-requests"
              title="Requests to the batch system since the agent started"
            >
              {many(requests, 'request')}
            </span>
          )}
        </p>
      </div>
      <Action
        glyph="check"
        text="Check…"
        label={`Check site ${site.name}`}
        onClick={onCheck}
      />
      {queue.length > 0 && (
        <p className="ihpc-Faint ihpc-Site-waits" title={WAITS}>
          waits:{' '}
          {queue.map((lane, index) => (
            <React.Fragment key={lane}>
              {index > 0 && '; '}
              <span>{lane}</span>
            </React.Fragment>
          ))}
        </p>
      )}
    </div>
  );
}
