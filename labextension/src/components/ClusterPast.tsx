import React from 'react';
import type { Past } from '../model/past';
import { extremes, pastPanels } from '../model/pastPanels';
import type { IChart } from '../model/panels';
import type { Store } from '../model/store';
import { summary, total } from '../model/words';
import { Action } from './Action';
import type { IActions } from './actions';
import { CardHeader } from './CardHeader';
import { Chart } from './Chart';
import { ErrorBox } from './ErrorBox';
import { Swatch } from './FigureTable';
import { Glyph } from './Glyph';
import { LastCounts } from './LastCounts';
import { TerminalCommand } from './TerminalCommand';
import { WindowChoice } from './WindowChoice';

interface IProps {
  past: Past;
  store: Pick<Store, 'cluster'>;
  actions: IActions;
}

/** The pane of one cluster: how it is, and how it was over one span of time. */
export function ClusterPast(props: IProps): React.ReactElement {
  const { past, actions } = props;
  const { told, error, name, window } = past;
  const cluster = props.store.cluster(name);
  const groups = cluster ? Object.values(cluster.groups) : [];
  const target = groups.reduce((sum, group) => sum + group.target, 0);
  return (
    <div className="ihpc-Responsiveness">
      {cluster ? <CardHeader cluster={cluster} /> : <h2>{name}</h2>}
      <div className="ihpc-Responsiveness-header">
        <WindowChoice
          window={window}
          onChoose={seconds => past.choose(seconds)}
        />
        {cluster && (
          <span className="ihpc-Faint">{summary(total(groups), target)}</span>
        )}
        {cluster?.head.state === 'up' && (
          <Action
            glyph="chart"
            text="Dask dashboard"
            label={`Open Dask dashboard of ${name}`}
            onClick={() => actions.openDashboard(name)}
          />
        )}
      </div>
      {cluster && <LastCounts cluster={cluster} />}
      {error && <ErrorBox error={error} />}
      {told === null
        ? !error && (
            <p className="ihpc-Faint" role="status">
              <Glyph name="busy" /> Asking the server…
            </p>
          )
        : told.moments.length > 0 && (
            <div className="ihpc-Responsiveness-panels">
              {pastPanels(told).map(panel => (
                <section
                  key={panel.id}
                  data-ihpc-panel={panel.id}
                  aria-label={panel.title}
                >
                  <h3>{panel.title}</h3>
                  <p className="ihpc-Faint">{panel.note}</p>
                  <Chart
                    panel={panel}
                    pane={`ihpc-cluster-${name}`}
                    from={told.at - told.window}
                    to={told.at}
                  />
                  <Values panel={panel} />
                </section>
              ))}
            </div>
          )}
      <TerminalCommand
        label="The command that says how it is now"
        command={`ihpc show ${name}`}
      />
      <p className="ihpc-Faint">
        Known since the agent looks after it: it keeps some minutes each two
        seconds, a day ever more sparsely.
      </p>
    </div>
  );
}

function Values({ panel }: { panel: IChart }): React.ReactElement {
  return (
    <div
      className="ihpc-Figures"
      role="region"
      aria-label={`Figures of ${panel.title}`}
      tabIndex={0}
    >
      <table>
        <thead>
          <tr>
            <th scope="col">of</th>
            <th scope="col">now</th>
            <th scope="col">least</th>
            <th scope="col">most</th>
          </tr>
        </thead>
        <tbody>
          {panel.lines.map((line, i) => (
            <tr key={line.name} data-ihpc-line={line.name}>
              <th scope="row">
                <Swatch place={i} own={line.colour} />
                {line.name}
              </th>
              {extremes(line, panel.unit).map((value, column) => (
                <td key={column}>{value}</td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
