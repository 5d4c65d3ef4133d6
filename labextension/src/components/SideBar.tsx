import React from 'react';
import type { Store } from '../model/store';
import { Action } from './Action';
import type { IActions } from './actions';
import { ClusterCard } from './ClusterCard';
import { FeedBanner } from './FeedBanner';
import { ForeignJobs } from './ForeignJobs';
import { Glyph } from './Glyph';
import { MyJobs } from './MyJobs';
import { OwnJob } from './OwnJob';
import { Runs } from './Runs';
import { SiteLine } from './SiteLine';
import { TerminalCommand } from './TerminalCommand';

interface IProps {
  store: Pick<
    Store,
    'state' | 'status' | 'creating' | 'ask' | 'cancelling' | 'factor' | 'queues'
  >;
  actions: IActions;
}

/** The side bar: sites, clusters, urgent runs, and jobs that belong to none. */
export function SideBar({ store, actions }: IProps): React.ReactElement {
  const { state, status, creating } = store;
  const waiting = state.revision < 0;
  return (
    <div className={`ihpc-SideBar${status.live ? '' : ' ihpc-mod-old'}`}>
      <FeedBanner status={status} onReconnect={() => actions.reconnect()} />
      {waiting && !status.error && (
        <p className="ihpc-Faint ihpc-Empty" role="status">
          <Glyph name="busy" /> Asking the server…
        </p>
      )}
      {state.here && (
        <OwnJob here={state.here} onExplain={() => actions.explainEnd()} />
      )}
      {state.sites.length > 0 && (
        <section className="ihpc-Section" aria-label="Sites">
          {state.sites.map(site => (
            <SiteLine
              key={site.site.name}
              status={site}
              onCheck={() => actions.checkSite(site.site.name)}
            />
          ))}
          <TerminalCommand of="sites" command="ihpc sites" />
        </section>
      )}
      {!waiting && (
        <section className="ihpc-Section" aria-label="Clusters">
          <div className="ihpc-Section-header">
            <h2>Clusters</h2>
            <Action
              glyph="plus"
              text="New cluster"
              label="New cluster"
              primary
              onClick={() => actions.newCluster()}
            />
          </div>
          {state.clusters.length + creating.length === 0 && <NoClusters />}
          {state.clusters.map(cluster => (
            <ClusterCard
              key={cluster.name}
              cluster={cluster}
              live={status.live}
              ask={group => store.ask(cluster.name, group)}
              actions={actions}
            />
          ))}
          {creating.map(spec => (
            <div key={spec.name} className="ihpc-Card" role="status">
              <header className="ihpc-Card-header">
                <h3>{spec.name}</h3>
                <span className="ihpc-State ihpc-mod-starting">
                  <Glyph name="busy" /> asking…
                </span>
              </header>
            </div>
          ))}
          <TerminalCommand
            of="clusters"
            command={[
              'ihpc list',
              ...state.clusters.map(one => `ihpc show ${one.name}`)
            ].join('\n')}
          />
        </section>
      )}
      {!waiting && <Runs store={store} actions={actions} />}
      {!waiting && <MyJobs store={store} actions={actions} />}
      {state.foreign.length > 0 && (
        <ForeignJobs
          jobs={state.foreign}
          unsure={!status.live || state.sites.some(site => site.silent)}
        />
      )}
    </div>
  );
}

function NoClusters(): React.ReactElement {
  return (
    <div className="ihpc-Empty">
      <p>No clusters yet.</p>
      <p className="ihpc-Faint">
        A cluster is a Dask scheduler with workers in batch jobs. Choose{' '}
        <b>New cluster</b>, or in a notebook:
      </p>
      <pre>{'from ihpc_jupyter import Cluster\nCluster("demo")'}</pre>
    </div>
  );
}
