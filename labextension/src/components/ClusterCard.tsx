import React from 'react';
import type { IAsk } from '../model/asks';
import { wished } from '../model/asks';
import { heldAt } from '../model/heard';
import { ended } from '../model/store';
import { summary, total } from '../model/words';
import type { ClusterView } from '../wire';
import type { IActions } from './actions';
import { CardActions } from './CardActions';
import { CardHeader } from './CardHeader';
import { Diary } from './Diary';
import { GroupRow } from './GroupRow';
import { Held } from './Heard';
import { LastCounts } from './LastCounts';
import { Live } from './Live';
import { LoadLine } from './LoadLine';
import { ProblemBox } from './ProblemBox';
import { WorkerBar } from './WorkerBar';

interface IProps {
  cluster: ClusterView;
  /** Whether we hear of it. */
  live: boolean;
  ask: (group: string) => IAsk | undefined;
  actions: IActions;
}

/** A cluster: how it is, what it does, and every control of it. */
export function ClusterCard(props: IProps): React.ReactElement {
  const { cluster, actions } = props;
  const { name } = cluster;
  const { asked_at: at, silent } = cluster;
  const held = heldAt({ at, silent }, props.live);
  const readOnly =
    cluster.holder !== null || ended(cluster) || cluster.state === 'stopping';
  const groups = Object.values(cluster.groups);
  const wishes = groups.map(group => wished(group, props.ask(group.name)));
  const counts = total(groups);
  const target = wishes.reduce((sum, group) => sum + group.target, 0);
  return (
    <article
      className="ihpc-Card"
      role="group"
      aria-label={`Cluster ${name}, ${cluster.state}`}
      data-ihpc-cluster={name}
    >
      <CardHeader cluster={cluster} />
      <Live text={`${name}: ${cluster.state}, ${summary(counts, target)}`} />
      {cluster.problem && (
        <ProblemBox
          problem={cluster.problem}
          of={name}
          onRetry={readOnly ? undefined : () => actions.retry(name)}
        />
      )}
      {!ended(cluster) && (
        <>
          <LastCounts cluster={cluster} />
          <WorkerBar counts={counts} target={target} />
          <LoadLine
            cluster={cluster}
            onPast={() => actions.openCluster(name)}
          />
          <Held.Provider value={held}>
            {groups.map(group => (
              <GroupRow
                key={group.name}
                cluster={name}
                group={group}
                ask={props.ask(group.name)}
                readOnly={readOnly}
                askedAt={cluster.asked_at}
                onScale={n => actions.scale(name, group.name, n)}
                onAdapt={adapt => actions.adapt(name, group.name, adapt)}
                onDismiss={() => actions.dismiss(name, group.name)}
                onRetry={() => actions.retry(name)}
                onLog={job => actions.showLog(name, job)}
              />
            ))}
          </Held.Provider>
        </>
      )}
      {cluster.notes.length > 0 && <Diary notes={cluster.notes} />}
      <CardActions cluster={cluster} actions={actions} />
    </article>
  );
}
