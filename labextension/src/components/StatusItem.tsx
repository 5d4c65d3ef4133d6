import React from 'react';
import type { IState } from '../model/state';
import { total } from '../model/words';
import type { Health } from '../wire';
import { Glyph } from './Glyph';
import { HEALTH } from './SiteLine';

interface IProps {
  state: IState;
  live: boolean;
  onClick: () => void;
}

// The worst first: that is the one to know of.
const ORDER: Health[] = ['down', 'degraded', 'unknown', 'up'];

/** One glance: the worst site's health, workers at work and waiting. */
export function StatusItem(props: IProps): React.ReactElement | null {
  const { sites, clusters } = props.state;
  if (!sites.length) {
    return null;
  }
  const worst = props.live
    ? (ORDER.find(health => sites.some(site => site.health === health)) ?? 'up')
    : 'unknown';
  const counts = total(clusters.flatMap(one => Object.values(one.groups)));
  const waiting = counts.pending + counts.requested;
  const words = [
    `HPC ${props.live ? worst : 'not connected'}`,
    `${counts.working} working`,
    ...(waiting ? [`${waiting} waiting`] : [])
  ].join(' · ');
  return (
    <button
      type="button"
      className="ihpc-StatusItem-button"
      title="Workers of all clusters; click for the HPC side bar"
      onClick={props.onClick}
    >
      <Glyph name={HEALTH[worst]} />
      {words}
    </button>
  );
}
