import React from 'react';
import { heldAt } from '../model/heard';
import {
  arrayOf,
  type IOrder,
  matching,
  ordered,
  totals
} from '../model/queue';
import type { Store } from '../model/store';
import { many } from '../model/words';
import type { Queue, QueueRow } from '../wire';
import { Action } from './Action';
import type { IActions } from './actions';
import { ErrorBox } from './ErrorBox';
import { FeedBanner } from './FeedBanner';
import { Glyph } from './Glyph';
import { Held } from './Heard';
import { Ago } from './Moment';
import { OrderChoice } from './OrderChoice';
import { QueueTable } from './QueueTable';
import { TerminalCommand } from './TerminalCommand';

interface IProps {
  store: Pick<Store, 'state' | 'status' | 'queues'>;
  actions: IActions;
}

/** The queue of a site: my jobs, or everybody's, to be filtered, sorted, explained and let go. */
export function QueuePane({ store, actions }: IProps): React.ReactElement {
  const names = store.state.sites.map(one => one.site.name);
  const [wish, setSite] = React.useState<string | null>(null);
  const [everybody, setEverybody] = React.useState(false);
  const [text, setText] = React.useState('');
  const [order, setOrder] = React.useState<IOrder | null>(null);
  const usual = names.find(name => name !== 'local') ?? names[0] ?? null;
  const site = wish !== null && names.includes(wish) ? wish : usual;
  if (site === null) {
    return (
      <div className="ihpc-Queue">
        <FeedBanner
          status={store.status}
          onReconnect={() => actions.reconnect()}
        />
        <p className="ihpc-Faint" role="status">
          Asking the server…
        </p>
      </div>
    );
  }
  const { queue, error, asking } = store.queues.of(site, everybody);
  const choose = (all: boolean): void => {
    setEverybody(all);
    if (all) {
      void store.queues.ask(site, true);
    }
  };
  const pick = (name: string): void => {
    setSite(name);
    if (everybody) {
      void store.queues.ask(name, true);
    }
  };
  return (
    <div className={`ihpc-Queue${store.status.live ? '' : ' ihpc-mod-old'}`}>
      <FeedBanner
        status={store.status}
        onReconnect={() => actions.reconnect()}
      />
      <form
        className="ihpc-Queue-head"
        role="search"
        aria-label="Queue"
        onSubmit={event => event.preventDefault()}
      >
        <label>
          Site{' '}
          <select
            className="ihpc-Input"
            value={site}
            onChange={event => pick(event.target.value)}
          >
            {names.map(name => (
              <option key={name}>{name}</option>
            ))}
          </select>
        </label>
        <label>
          Whose{' '}
          <select
            className="ihpc-Input"
            value={everybody ? 'all' : 'mine'}
            onChange={event => choose(event.target.value === 'all')}
          >
            <option value="mine">My jobs</option>
            <option value="all">Everybody’s jobs</option>
          </select>
        </label>
        <input
          className="ihpc-Input ihpc-Queue-filter"
          type="search"
          placeholder="Filter: name, state, reason, lane, user…"
          aria-label="Filter the jobs"
          value={text}
          onChange={event => setText(event.target.value)}
        />
        <OrderChoice order={order} onOrder={setOrder} />
        <Action
          glyph="retry"
          text="Refresh"
          label={
            everybody
              ? 'Ask the batch system for everybody’s jobs again'
              : 'Read my jobs again'
          }
          disabled={asking}
          onClick={() => void store.queues.ask(site, everybody)}
        />
      </form>
      {error && <ErrorBox error={error} />}
      {queue === null ? (
        <p className="ihpc-Faint" role="status">
          <Glyph name="busy" /> {error ? 'Nothing is known yet.' : 'Asking…'}
        </p>
      ) : (
        <Held.Provider value={heldAt(queue, store.status.live)}>
          <Jobs
            queue={queue}
            text={text}
            order={order}
            onOrder={setOrder}
            actions={actions}
          />
        </Held.Provider>
      )}
    </div>
  );
}

interface IJobs {
  queue: Queue;
  text: string;
  order: IOrder | null;
  onOrder: (order: IOrder | null) => void;
  actions: IActions;
}

function Jobs(props: IJobs): React.ReactElement {
  const { queue, text, order, actions } = props;
  const found = React.useMemo(
    () => ordered(matching(queue.rows, text), order),
    [queue, text, order]
  );
  const act = {
    onWhy: (row: QueueRow) => actions.whyJob(queue.site, row.id),
    onLog: (row: QueueRow) => actions.followJobLog(queue.site, row.id),
    onUnfold: (row: QueueRow) => actions.array(queue.site, arrayOf(row)),
    onCancel: (row: QueueRow) => actions.cancelJob(queue.site, row.id)
  };
  return (
    <>
      <p className="ihpc-Faint ihpc-Queue-age">
        {queue.at === null ? (
          'The batch system has not answered yet.'
        ) : (
          <>
            As the batch system said <Ago at={queue.at} />:{' '}
            {totals(queue) || 'no jobs'}.
          </>
        )}
        {queue.left_out > 0 &&
          ` ${many(queue.left_out, 'further line')} left out.`}
        {text && ` ${many(found.length, 'line')} found.`}
      </p>
      {queue.detail && (
        <p className="ihpc-Queue-detail" role="status">
          <Glyph name="warning" /> {queue.detail}
        </p>
      )}
      {found.length > 0 ? (
        <QueueTable
          rows={found}
          everybody={queue.everybody}
          at={queue.at}
          order={order}
          onOrder={props.onOrder}
          {...act}
        />
      ) : (
        <p className="ihpc-Empty">
          {text
            ? 'No job has all these words.'
            : queue.everybody
              ? 'The queue is empty.'
              : 'You have no jobs here, and none has ended in the last minutes.'}
        </p>
      )}
      {queue.command && <TerminalCommand command={queue.command} />}
    </>
  );
}
