import React from 'react';
import { idOf, sizes } from '../model/queue';
import type { QueueRow } from '../wire';
import { Ago } from './Moment';
import { QueueActions } from './QueueActions';
import { QueueState } from './QueueState';
import { Start, Time } from './QueueTime';

/** What a line of the table is made of. */
export interface ILine {
  row: QueueRow;
  everybody: boolean;
  onWhy: (row: QueueRow) => void;
  onLog: (row: QueueRow) => void;
  onCancel: (row: QueueRow) => void;
}

/** One line of the table: a job, or several that are alike. */
export function QueueLine(
  props: ILine & { inFold?: boolean; children?: React.ReactNode }
): React.ReactElement {
  const { row, everybody } = props;
  const owner =
    row.belongs === 'none'
      ? ''
      : `${row.belongs} ${row.owner || 'not known here'}`;
  const kind = [
    ...(row.mine && everybody ? ['ihpc-mod-mine'] : []),
    ...(props.inFold ? ['ihpc-mod-inFold'] : [])
  ].join(' ');
  return (
    <tr data-ihpc-job={row.id} className={kind}>
      <th scope="row" className="ihpc-Queue-id">
        <span className="ihpc-Job-id">{idOf(row)}</span>
        {!props.inFold && (
          <span className="ihpc-Faint" title={row.name}>
            {owner || row.name}
            {everybody && ` · ${row.mine ? 'yours' : row.user}`}
          </span>
        )}
        {props.children}
      </th>
      <td className="ihpc-Queue-state">
        <QueueState row={row} />
        <span className="ihpc-Faint ihpc-Queue-laneHere">
          {row.lane || row.partition}
        </span>
        {row.reason_text && !props.inFold && (
          <span className="ihpc-Queue-reason" title={row.reason}>
            {row.reason_text}
          </span>
        )}
      </td>
      <td className="ihpc-Queue-lane">{row.lane || row.partition}</td>
      <td className="ihpc-Queue-size">
        {sizes(row).map((amount, i) => (
          <React.Fragment key={amount}>
            {i > 0 && ', '}
            <span className="ihpc-Queue-amount">{amount}</span>
          </React.Fragment>
        ))}
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
        <QueueActions {...props} />
      </td>
    </tr>
  );
}
