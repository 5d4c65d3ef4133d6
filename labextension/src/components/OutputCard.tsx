import React from 'react';
import type { Store } from '../model/store';
import type { IActions } from './actions';
import { ClusterCard } from './ClusterCard';
import { FeedBanner } from './FeedBanner';

interface IProps {
  name: string;
  store: Pick<Store, 'state' | 'status' | 'cluster' | 'ask'>;
  actions: IActions;
}

/** The card of one cluster by its name, or why there is none. */
export function OutputCard(props: IProps): React.ReactElement {
  const { name, store, actions } = props;
  const cluster = store.cluster(name);
  return (
    <>
      <FeedBanner
        status={store.status}
        onReconnect={() => actions.reconnect()}
      />
      {cluster ? (
        <ClusterCard
          cluster={cluster}
          live={store.status.live}
          ask={group => store.ask(name, group)}
          actions={actions}
        />
      ) : (
        <p className="ihpc-Faint ihpc-Empty">
          {store.state.revision < 0
            ? `Asking for cluster ${name}…`
            : `There is no cluster ${name} any more: it was stopped and forgotten, or belongs to another server.`}
        </p>
      )}
    </>
  );
}
