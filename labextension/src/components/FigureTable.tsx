import React from 'react';
import { beside, count, figure } from '../model/figures';
import type { IPanel } from '../model/panels';
import { duration } from '../model/words';
import { colour, dash } from './Chart';
import { Ago } from './Moment';

interface IProps {
  panel: IPanel;
  window: number;
  /** When the figures were told, by the server's clock. */
  at: number;
}

/** The figures of a chart: its legend for those who see it, the chart itself for those who do not. */
export function FigureTable(props: IProps): React.ReactElement {
  const { panel, window, at } = props;
  const unit = panel.unit === 'ratio' ? 'share of the whole' : 'seconds';
  const caption = React.useId();
  return (
    <>
      <p className="ihpc-Figures-caption" id={caption}>
        Unit: {unit}. Window: {duration(window)}; in brackets the baseline: what
        is kept of a day.
      </p>
      <div
        className="ihpc-Figures ihpc-mod-many"
        role="region"
        aria-label={`Figures of ${panel.title}`}
        tabIndex={0}
      >
        <table aria-describedby={caption}>
          <thead>
            <tr>
              <th scope="col">of</th>
              <th scope="col">p50</th>
              <th scope="col">p95</th>
              <th scope="col">max</th>
              <th scope="col">n</th>
              <th scope="col">newest</th>
              <th
                scope="col"
                title="Coefficient of variation: standard deviation by mean"
              >
                variation
              </th>
              <th scope="col" title="95th percentile by median">
                p95/p50
              </th>
            </tr>
          </thead>
          <tbody>
            {panel.lines.map(({ name, lately, baseline }, i) => (
              <tr key={name} data-ihpc-line={name}>
                <th scope="row">
                  <Swatch place={i} />
                  {name}
                </th>
                <td data-label="p50">{figure(lately.p50, panel.unit)}</td>
                <td data-label="p95">{figure(lately.p95, panel.unit)}</td>
                <td data-label="max">{figure(lately.maximum, panel.unit)}</td>
                <td data-label="n">{count(lately)}</td>
                <td data-label="newest">
                  {lately.age === null ? '–' : <Ago at={at - lately.age} />}
                </td>
                <td data-label="variation">
                  {beside(lately.variation, baseline.variation)}
                </td>
                <td data-label="p95/p50">
                  {beside(lately.tail, baseline.tail)}
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </>
  );
}

/** A line's colour and dashes, beside its name. */
export function Swatch(props: {
  place: number;
  own?: string;
}): React.ReactElement {
  const { place, own } = props;
  return (
    <svg className="ihpc-Swatch" viewBox="0 0 18 8" aria-hidden="true">
      <line
        x1="0"
        x2="18"
        y1="4"
        y2="4"
        style={{ stroke: `var(${colour(place, own)})` }}
        strokeWidth="3"
        strokeDasharray={own ? undefined : dash(place).join(' ')}
      />
    </svg>
  );
}
