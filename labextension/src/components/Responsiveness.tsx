import React from 'react';
import type { Measuring } from '../model/measuring';
import { panels } from '../model/panels';
import type { Store } from '../model/store';
import { Chart } from './Chart';
import { ErrorBox } from './ErrorBox';
import { FigureTable } from './FigureTable';
import { Glyph } from './Glyph';
import { LastHeard } from './Heard';
import { Ago } from './Moment';
import { TerminalCommand } from './TerminalCommand';
import { WindowChoice } from './WindowChoice';

/** The pane: charts over one span of time, each with its figures. */
export function Responsiveness(props: {
  measuring: Measuring;
  store: Pick<Store, 'state'>;
}): React.ReactElement {
  const { measuring } = props;
  const { told, error, window } = measuring;
  return (
    <div className="ihpc-Responsiveness">
      <header className="ihpc-Responsiveness-header">
        <h2>Responsiveness</h2>
        <WindowChoice
          window={window}
          onChoose={seconds => measuring.choose(seconds)}
        />
        {told && (
          <span className="ihpc-Faint">
            measured <Ago at={told.at} />
          </span>
        )}
      </header>
      {props.store.state.sites.map(
        ({ site, silent, asked_at: at }) =>
          silent &&
          at !== null && (
            <p key={site.name} className="ihpc-Card-note">
              Site {site.name} does not answer: what it tells stands as it did{' '}
              <LastHeard at={at} />.
            </p>
          )
      )}
      {error && <ErrorBox error={error} />}
      {told === null ? (
        !error && (
          <p className="ihpc-Faint" role="status">
            <Glyph name="busy" /> Asking the server…
          </p>
        )
      ) : (
        <div className="ihpc-Responsiveness-panels">
          {panels(told, measuring.own, window).map(panel => (
            <section
              key={panel.id}
              data-ihpc-panel={panel.id}
              aria-label={panel.title}
            >
              <h3>{panel.title}</h3>
              <p className="ihpc-Faint">{panel.note}</p>
              {panel.lines.length ? (
                <>
                  <Chart
                    panel={panel}
                    pane="ihpc-responsiveness"
                    from={told.at - window}
                    to={told.at}
                  />
                  <FigureTable panel={panel} window={window} at={told.at} />
                </>
              ) : (
                <p className="ihpc-Faint ihpc-Empty">Nothing measured yet.</p>
              )}
            </section>
          ))}
        </div>
      )}
      <TerminalCommand command={`ihpc metrics --window ${window / 60}m`} />
    </div>
  );
}
