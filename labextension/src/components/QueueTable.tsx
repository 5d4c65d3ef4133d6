import React from 'react';
import {
  type Column,
  COLUMNS,
  type IOrder,
  isFold,
  keysOf
} from '../model/queue';
import type { Queue, QueueRow } from '../wire';
import { QueueFold } from './QueueFold';
import { QueueLine } from './QueueLine';

interface IProps {
  rows: readonly QueueRow[];
  everybody: boolean;
  /** When the batch system said so. */
  at: number | null;
  order: IOrder | null;
  onOrder: (order: IOrder | null) => void;
  onWhy: (row: QueueRow) => void;
  onLog: (row: QueueRow) => void;
  onUnfold: (row: QueueRow) => Promise<Queue>;
  onCancel: (row: QueueRow) => void;
}

// A long table is read in parts: only these rows are rendered.
const PAGE = 100;

/** Jobs as a table that sorts, a page of it at a time. */
export function QueueTable(props: IProps): React.ReactElement {
  const { rows, order } = props;
  const [wish, turn] = React.useState(0);
  const last = Math.max(0, Math.ceil(rows.length / PAGE) - 1) * PAGE;
  const from = Math.min(wish, last);
  const shown = rows.slice(from, from + PAGE);
  const keys = keysOf(shown);
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
            {shown.map((row, i) =>
              isFold(row) ? (
                <QueueFold key={keys[i]} {...props} row={row} />
              ) : (
                <QueueLine key={keys[i]} {...props} row={row} />
              )
            )}
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
