import React from 'react';
import { ended } from '../model/store';
import type { ClusterView } from '../wire';
import { Action } from './Action';
import type { IActions } from './actions';

interface IProps {
  cluster: ClusterView;
  actions: IActions;
}

/** What can be done with a cluster as a whole. */
export function CardActions({ cluster, actions }: IProps): React.ReactElement {
  const { name } = cluster;
  const mine = cluster.holder === null;
  const alive = !ended(cluster);
  return (
    <div
      className="ihpc-Actions"
      role="group"
      aria-label={`Actions of ${name}`}
    >
      {alive && (
        <>
          <Action
            glyph="code"
            text="Code"
            label={`Insert client code of ${name} into the notebook`}
            onClick={() => actions.insertClientCode(name)}
          />
          <Action
            glyph="chart"
            text="Dashboard"
            label={`Open Dask dashboard of ${name}`}
            disabled={cluster.head.state !== 'up'}
            onClick={() => actions.openDashboard(name)}
          />
          <Action
            glyph="script"
            text="Script"
            label={`Show batch script of ${name}`}
            onClick={() => actions.showScript(name)}
          />
        </>
      )}
      {alive && mine && (
        <Action
          glyph="stopped"
          text="Stop"
          end
          label={`Stop cluster ${name}`}
          disabled={cluster.state === 'stopping'}
          onClick={() => actions.stop(name)}
        />
      )}
      {!alive && mine && (
        <Action
          glyph="forget"
          text="Forget"
          end
          label={`Forget cluster ${name}`}
          onClick={() => actions.forget(name)}
        />
      )}
    </div>
  );
}
