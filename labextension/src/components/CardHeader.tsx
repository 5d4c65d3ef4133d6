import React from 'react';
import type { ClusterState, ClusterView } from '../wire';
import { Glyph, type GlyphName } from './Glyph';

const GLYPHS: Record<ClusterState, GlyphName> = {
  starting: 'busy',
  running: 'play',
  stopping: 'busy',
  stopped: 'stopped',
  failed: 'failed',
  unknown: 'unknown'
};

const HEADS: Record<ClusterView['head']['state'], string> = {
  starting: 'its head is starting',
  up: '',
  unknown: 'its head is silent',
  down: 'its head is down'
};

/** A cluster's name, state and site; who looks after it, where that is not this host. */
export function CardHeader(props: {
  cluster: ClusterView;
}): React.ReactElement {
  const { cluster } = props;
  const head = cluster.state === 'running' ? HEADS[cluster.head.state] : '';
  return (
    <header className="ihpc-Card-header">
      <h3
        title={`Created ${new Date(cluster.created_at * 1000).toLocaleString()}`}
      >
        {cluster.name}
      </h3>
      <span className={`ihpc-State ihpc-mod-${cluster.state}`}>
        <Glyph name={GLYPHS[cluster.state]} />
        {cluster.state}
      </span>
      <span className="ihpc-Faint ihpc-Card-site" title="Site">
        {cluster.site}
        {cluster.account && ` · ${cluster.account}`}
      </span>
      {head && <p className="ihpc-Card-note">Running, but {head}.</p>}
      {cluster.holder !== null && (
        <p className="ihpc-Card-note">
          <Glyph name="lock" /> Looked after on {cluster.holder}: here you can
          only watch it.
        </p>
      )}
    </header>
  );
}
