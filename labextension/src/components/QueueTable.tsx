import React from 'react';
import { type Column, idOf, type IOrder, size } from '../model/queue';
import type { QueueRow } from '../wire';
import { Ago } from './Moment';
import { QueueActions } from './QueueActions';
import { QueueState } from './QueueState';
import { Start, Time } from './QueueTime';

interface IProps {
  rows: readonly QueueRow[];
  everybody: boolean;
  order: IOrder | null;
  onOrder: (order: IOrder | null) => void;
  onWhy: (row: QueueRow) => void;
  onCancel: (row: QueueRow) => void;
}

const COLUMNS: [Column, string][] = [
  ['id', 'Job'],
  ['state', 'State, and why'],
  ['lane', 'Lane'],
  ['size', 'Size'],
  ['submitted', 'Submitted'],
  ['start', 'Start'],
  ['time', 'Time']
];

// A long table is read in parts: only these rows are rendered.
const PAGE = 100;

/** Jobs as a table that sorts, a page of it at a time. */
export function QueueTable(props: IProps): React.ReactElement {
  const { rows, order } = props;
  const [wish, turn] = React.useState(0);
  const last = Math.max(0, Math.ceil(rows.length / PAGE) - 1) * PAGE;
  const from = Math.min(wish, last);
  return (
    <>
      <div
        className="ihpc-Queue-table"
        role="region"
        aria-label="Jobs"
        tabIndex={0}
      >
        <table>
          <caption className="ihpc-Hidden">
            {props.everybody ? 'Everybody’s jobs' : 'Your jobs'}
          </caption>
          <thead>
            <tr>
              {COLUMNS.map(([column, text]) => (
                <Heading
                  key={column}
                  column={column}
                  text={text}
                  order={order}
                  onOrder={props.onOrder}
                />
              ))}
              <th scope="col" className="ihpc-Queue-end">
                <span className="ihpc-Hidden">What to do</span>
              </th>
            </tr>
          </thead>
          <tbody>
            {rows.slice(from, from + PAGE).map(row => (
              <Row
                key={`${row.id} ${row.state} ${row.reason}`}
                {...props}
                row={row}
              />
            ))}
          </tbody>
        </table>
      </div>
      {rows.length > PAGE && (
        <nav className="ihpc-Queue-pages" aria-label="Pages of the table">
          <button
            type="button"
            className="ihpc-Link"
            disabled={from === 0}
            onClick={() => turn(from - PAGE)}
          >
            Before
          </button>
          <span className="ihpc-Faint" role="status">
            lines {from + 1} to {Math.min(from + PAGE, rows.length)} of{' '}
            {rows.length.toLocaleString('en')}
          </span>
          <button
            type="button"
            className="ihpc-Link"
            disabled={from === last}
            onClick={() => turn(from + PAGE)}
          >
            Next
          </button>
        </nav>
      )}
    </>
  );
}

function Heading(props: {
  column: Column;
  text: string;
  order: IOrder | null;
  onOrder: (order: IOrder | null) => void;
}): React.ReactElement {
  const { column, text, order, onOrder } = props;
  const mine = order?.column === column ? order : null;
  // Up, down, and back to the order in which the jobs came.
  const next =
    mine === null
      ? { column, down: false }
      : mine.down
        ? null
        : { column, down: true };
  return (
    <th
      scope="col"
      className={`ihpc-Queue-${column}`}
      aria-sort={mine ? (mine.down ? 'descending' : 'ascending') : 'none'}
    >
      <button
        type="button"
        className="ihpc-Queue-sort"
        onClick={() => onOrder(next)}
      >
        {text}
        <span aria-hidden="true">{mine ? (mine.down ? ' ▾' : ' ▴') : ''}</span>
      </button>
    </th>
  );
}

function Row(props: IProps & { row: QueueRow }): React.ReactElement {
  const { row, everybody } = props;
  const owner =
    row.belongs === 'none'
      ? ''
      : `${row.belongs} ${row.owner || 'not known here'}`;
  return (
    <tr
      data-ihpc-job={row.id}
      className={row.mine && everybody ? 'ihpc-mod-mine' : ''}
    >
      <th scope="row" className="ihpc-Queue-id">
        <span className="ihpc-Job-id">{idOf(row)}</span>
        <span className="ihpc-Faint" title={row.name}>
          {owner || row.name}
        </span>
        {everybody && (
          <span className="ihpc-Faint">{row.mine ? 'yours' : row.user}</span>
        )}
      </th>
      <td className="ihpc-Queue-state">
        <QueueState row={row} />
        {row.reason_text && (
          <span className="ihpc-Queue-reason" title={row.reason}>
            {row.reason_text}
          </span>
        )}
      </td>
      <td className="ihpc-Queue-lane">{row.lane || row.partition}</td>
      <td className="ihpc-Queue-size">
        {size(row)}
        {row.count > 1 && <span className="ihpc-Faint"> each</span>}
      </td>
      <td className="ihpc-Queue-submitted">
        {row.submitted_at === null ? '–' : <Ago at={row.submitted_at} />}
      </td>
      <td className="ihpc-Queue-start">
        <Start row={row} />
      </td>
      <td className="ihpc-Queue-time">
        <Time row={row} />
      </td>
      <td className="ihpc-Queue-end">
        <QueueActions row={row} onWhy={props.onWhy} onCancel={props.onCancel} />
      </td>
    </tr>
  );
}
