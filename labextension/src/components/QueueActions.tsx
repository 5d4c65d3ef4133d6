import React from 'react';
import { idOf, kept } from '../model/queue';
import type { QueueRow } from '../wire';
import { Action } from './Action';

interface IProps {
  row: QueueRow;
  onWhy: (row: QueueRow) => void;
  onCancel: (row: QueueRow) => void;
}

/** What can be done with a job: ask why, let it go. */
export function QueueActions(props: IProps): React.ReactElement {
  const { row, onWhy, onCancel } = props;
  const id = idOf(row);
  const instead = kept(row);
  return (
    <span className="ihpc-Queue-actions">
      <Action
        glyph="unknown"
        text="Why?"
        label={`Why? Explain job ${id}`}
        onClick={() => onWhy(row)}
      />
      {instead !== '' && (
        <Action
          glyph="close"
          text=""
          label={instead ?? `Cancel job ${id}`}
          disabled={instead !== null}
          onClick={() => onCancel(row)}
        />
      )}
    </span>
  );
}
