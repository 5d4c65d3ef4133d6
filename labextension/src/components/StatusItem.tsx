import React from 'react';
import { foremost, over } from '../model/runs';
import type { IState } from '../model/state';
import { duration, many, total } from '../model/words';
import type { Health, RunView } from '../wire';
import { Glyph } from './Glyph';
import { Ago, Moment } from './Moment';
import { OwnJobWords } from './OwnJob';
import { RUN_GLYPHS } from './runState';
import { Clock } from './ticker';
import { HEALTH } from './SiteLine';

interface IProps {
  state: IState;
  live: boolean;
  onClick: () => void;
}

// The worst first: that is the one to know of.
const ORDER: Health[] = ['down', 'degraded', 'unknown', 'up'];

/** One glance: the worst site's health, workers at work, jobs that wait, how old that is, this server's own job, the most urgent run. */
export function StatusItem(props: IProps): React.ReactElement | null {
  const now = React.useContext(Clock);
  const { sites, clusters, runs, here } = props.state;
  if (!sites.length) {
    return null;
  }
  const worst = props.live
    ? (ORDER.find(health => sites.some(site => site.health === health)) ?? 'up')
    : 'unknown';
  const counts = total(clusters.flatMap(one => Object.values(one.groups)));
  const run = foremost(runs, now());
  const others = runs.filter(one => !over(one)).length - 1;
  const waiting = sites.reduce((sum, site) => sum + site.waiting, 0);
  const unsure =
    !props.live || sites.some(site => site.waiting > 0 && site.silent);
  const asked = sites.flatMap(site => site.asked_at ?? []);
  const words = [
    `HPC ${props.live ? worst : 'not connected'}`,
    many(counts.working, 'worker'),
    ...(waiting
      ? [`${many(waiting, 'job')} waiting${unsure ? ' when last heard' : ''}`]
      : [])
  ].join(' · ');
  return (
    <button
      type="button"
      className="ihpc-StatusItem-button"
      title="Sites, workers at work, jobs in the queue, urgent runs; click for the HPC side bar"
      onClick={props.onClick}
    >
      <Glyph name={HEALTH[worst]} />
      {words}
      {asked.length > 0 && (
        <span>
          · asked <Ago at={Math.min(...asked)} />
        </span>
      )}
      {here && <OwnJobWords here={here} />}
      {run && <RunWords run={run} others={others} />}
    </button>
  );
}

function RunWords(props: { run: RunView; others: number }): React.ReactElement {
  const { run, others } = props;
  return (
    <span className="ihpc-StatusItem-run" data-ihpc-live-run={run.id}>
      <Glyph name={RUN_GLYPHS[run.state]} />
      urgent run {run.state}
      {run.deadline_at !== null && (
        <>
          {', '}
          <Moment
            at={run.deadline_at}
            say={s =>
              s > 0 ? `${duration(Math.ceil(s))} left` : 'deadline missed'
            }
          />
        </>
      )}
      {others > 0 && ` · ${many(others, 'more run')}`}
    </span>
  );
}
