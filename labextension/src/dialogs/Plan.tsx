import React from 'react';
import { chance, price, start, way } from '../model/runs';
import type { Plan, Way } from '../wire';
import { showCopyable } from './Copyable';

/** Shows the ways to start that were open to a run, and which was chosen; *Copy* takes them as text. */
export async function showPlan(title: string, plan: Plan): Promise<void> {
  await showCopyable({
    title: `Plan of ${title}`,
    body: <Ways plan={plan} />,
    text: asText(title, plan)
  });
}

function Ways({ plan }: { plan: Plan }): React.ReactElement {
  return (
    <div className="ihpc-Reading">
      <p>{plan.why || 'No way was chosen.'}</p>
      <div
        className="ihpc-Ways"
        role="region"
        aria-label="Ways to start"
        tabIndex={0}
      >
        <table>
          <caption className="ihpc-Hidden">
            Ways to start, from the cheapest to others to the dearest
          </caption>
          <thead>
            <tr>
              <th scope="col">Way</th>
              <th scope="col">Disturbs</th>
              <th scope="col">Expected start</th>
              <th scope="col">Price at most</th>
              <th scope="col">Chance</th>
            </tr>
          </thead>
          <tbody>
            {plan.ways.map(one => (
              <Row key={one.kind} one={one} chosen={one.kind === plan.chosen} />
            ))}
          </tbody>
        </table>
      </div>
      <p className="ihpc-Faint">
        As it looked {new Date(plan.at * 1000).toLocaleString()}. Expected
        starts rest on earlier ones (n of them): half took no longer than the
        first time, 95 of 100 no longer than p95. The chance is that of starting
        early enough for the deadline.
      </p>
    </div>
  );
}

function Row(props: { one: Way; chosen: boolean }): React.ReactElement {
  const { one, chosen } = props;
  return (
    <tr
      className={chosen ? 'ihpc-mod-chosen' : one.possible ? '' : 'ihpc-mod-no'}
    >
      <th scope="row">
        {way(one.kind)}
        {one.lane && ` (${one.lane})`}
        {chosen && <span className="ihpc-Chip">chosen</span>}
        {one.why && <span className="ihpc-Faint">{one.why}</span>}
      </th>
      {one.possible ? (
        <>
          <td>{one.disturbs || 'nobody'}</td>
          <td>{start(one)}</td>
          <td>{price(one.price)}</td>
          <td>{chance(one) || '–'}</td>
        </>
      ) : (
        <td colSpan={4}>not possible</td>
      )}
    </tr>
  );
}

function asText(title: string, plan: Plan): string {
  const lines = plan.ways.map(one => {
    const mark = one.kind === plan.chosen ? '*' : ' ';
    const facts = one.possible
      ? [
          `starts ${start(one)}`,
          price(one.price),
          `disturbs ${one.disturbs || 'nobody'}`,
          ...(one.chance === null ? [] : [`chance ${chance(one)}`])
        ]
      : ['not possible'];
    const why = one.why ? `\n    ${one.why}` : '';
    return `${mark} ${way(one.kind)}: ${facts.join('; ')}${why}`;
  });
  const at = new Date(plan.at * 1000).toISOString();
  return [`Plan of ${title}, ${at}`, plan.why, ...lines].join('\n');
}
