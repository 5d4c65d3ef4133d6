import React from 'react';
import { total } from '../model/words';
import type { ClusterView } from '../wire';
import { LastHeard } from './Heard';

/** Says of a cluster's jobs that do not work yet that only the batch system's last word tells of them. */
export function LastCounts(props: {
  cluster: ClusterView;
}): React.ReactElement | null {
  const { asked_at: at, silent, groups } = props.cluster;
  const { pending, starting } = total(Object.values(groups));
  if (!silent || at === null || pending + starting === 0) {
    return null;
  }
  return (
    <p className="ihpc-Card-note">
      What waits or starts did so <LastHeard at={at} />.
    </p>
  );
}
