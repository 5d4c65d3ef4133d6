import React from 'react';
import { heldAt } from '../model/heard';
import { idOf, over } from '../model/queue';
import type { Store } from '../model/store';
import { many } from '../model/words';
import type { QueueRow } from '../wire';
import { Action } from './Action';
import type { IActions } from './actions';
import { Held } from './Heard';
import { Ago } from './Moment';
import { QueueActions } from './QueueActions';
import { QueueState } from './QueueState';
import { Time } from './QueueTime';
import { TerminalCommand } from './TerminalCommand';

interface IProps {
  store: Pick<Store, 'state' | 'status' | 'queues'>;
  actions: IActions;
}

const FEW = 6;

/** My jobs that no cluster and no run has: those have cards of their own. */
export function MyJobs({ store, actions }: IProps): React.ReactElement {
  return (
    <section className="ihpc-Section" aria-label="My jobs">
      <div className="ihpc-Section-header">
        <h2>My jobs</h2>
        <Action
          glyph="plan"
          text="Queue"
          label="Open the queue"
          onClick={() => actions.openQueue()}
        />
      </div>
      {store.state.sites.map(({ site }) => (
        <OfSite
          key={site.name}
          site={site.name}
          several={store.state.sites.length > 1}
          store={store}
          actions={actions}
        />
      ))}
    </section>
  );
}

function OfSite(
  props: IProps & { site: string; several: boolean }
): React.ReactElement | null {
  const { site, several, store, actions } = props;
  const { queue } = store.queues.of(site);
  if (queue === null) {
    return null;
  }
  const own = queue.rows.filter(row => row.belongs === 'none');
  const shown = own.filter(row => !over(row)).concat(own.filter(over));
  const jobs = (rows: readonly QueueRow[]): number =>
    rows.reduce((sum, row) => sum + row.count, 0);
  const cards = queue.rows.filter(row => row.belongs !== 'none');
  const others = jobs(cards.filter(row => !over(row)));
  return (
    <Held.Provider value={heldAt(queue, store.status.live)}>
      <p className="ihpc-Faint">
        {several && `${site}: `}
        {own.length === 0
          ? 'none beside clusters and runs'
          : many(jobs(own), 'job')}
        {others > 0 &&
          `, and ${others.toLocaleString('en')} of clusters and runs`}
        {queue.at !== null && (
          <>
            {' '}
            · <Ago at={queue.at} />
          </>
        )}
      </p>
      {shown.length > 0 && (
        <ul className="ihpc-Jobs ihpc-MyJobs" aria-label={`My jobs at ${site}`}>
          {shown.slice(0, FEW).map(row => (
            <li
              key={`${row.id} ${row.state} ${row.reason}`}
              className="ihpc-Job"
              data-ihpc-job={row.id}
            >
              <div className="ihpc-Job-line">
                <span className="ihpc-Job-words">
                  <span className="ihpc-Job-id" title={row.name}>
                    {idOf(row)}
                  </span>
                  <QueueState row={row} />
                  <span className="ihpc-Faint ihpc-Job-facts">
                    <Time row={row} />
                  </span>
                </span>
                <QueueActions
                  row={row}
                  onWhy={() => actions.whyJob(site, row.id)}
                  onLog={() => actions.followJobLog(site, row.id)}
                  onCancel={() => actions.cancelJob(site, row.id)}
                />
              </div>
              {row.reason_text && (
                <p className="ihpc-Job-reason" title={row.reason}>
                  {row.reason_text}
                </p>
              )}
            </li>
          ))}
        </ul>
      )}
      {shown.length > FEW && (
        <button
          type="button"
          className="ihpc-Link"
          onClick={() => actions.openQueue()}
        >
          {shown.length - FEW} more in the queue
        </button>
      )}
      {queue.command && (
        <TerminalCommand
          of={several ? `my jobs at ${site}` : 'my jobs'}
          command={queue.command}
        />
      )}
    </Held.Provider>
  );
}
