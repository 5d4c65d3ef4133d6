import React from 'react';
import { type Column, COLUMNS, type IOrder } from '../model/queue';

interface IProps {
  order: IOrder | null;
  onOrder: (order: IOrder | null) => void;
}

/** The order of the table where it is too narrow for headings. */
export function OrderChoice({ order, onOrder }: IProps): React.ReactElement {
  return (
    <label className="ihpc-Queue-order">
      Sort{' '}
      <select
        className="ihpc-Input"
        value={order ? `${order.column} ${order.down ? 'down' : 'up'}` : ''}
        onChange={event => {
          const [column, way] = event.target.value.split(' ');
          onOrder(
            column ? { column: column as Column, down: way === 'down' } : null
          );
        }}
      >
        <option value="">As they came</option>
        {COLUMNS.map(([column, text]) => (
          <React.Fragment key={column}>
            <option value={`${column} up`}>{text} ▴</option>
            <option value={`${column} down`}>{text} ▾</option>
          </React.Fragment>
        ))}
      </select>
    </label>
  );
}
