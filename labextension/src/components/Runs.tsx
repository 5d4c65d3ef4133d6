import React from 'react';
import type { Store } from '../model/store';
import { over } from '../model/runs';
import type { IActions } from './actions';
import { RunCard } from './RunCard';
import { TerminalCommand } from './TerminalCommand';

interface IProps {
  store: Pick<Store, 'state' | 'cancelling' | 'factor'>;
  actions: IActions;
}

// The last ones are what one comes back for; the rest is a ledger.
const FEW = 5;
const PAGE = 20;

/** Urgent runs: those that live, then the latest that have ended. */
export function Runs({ store, actions }: IProps): React.ReactElement {
  const [most, show] = React.useState(FEW);
  const { runs } = store.state;
  const ended = runs.filter(over);
  const more = ended.length - most;
  const shown = [...runs.filter(run => !over(run)), ...ended.slice(0, most)];
  return (
    <section className="ihpc-Section" aria-label="Urgent runs">
      <h2>Urgent runs</h2>
      {runs.length === 0 && (
        <p className="ihpc-Faint">
          None yet. In a notebook, write <code>%%urgent 10m</code> above a cell,
          or choose <b>Run urgently</b> in its toolbar.
        </p>
      )}
      {shown.map(run => (
        <RunCard
          key={run.id}
          run={run}
          cancelling={store.cancelling(run)}
          factor={store.factor(run)}
          actions={actions}
        />
      ))}
      {more > 0 && (
        <button
          type="button"
          className="ihpc-Link"
          onClick={() => show(most + PAGE)}
        >
          {more.toLocaleString('en')} more
        </button>
      )}
      <TerminalCommand of="urgent runs" command="ihpc runs" />
    </section>
  );
}
