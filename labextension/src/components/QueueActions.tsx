import React from 'react';
import { canHaveLog, idOf, kept } from '../model/queue';
import type { QueueRow } from '../wire';
import { Action } from './Action';

interface IProps {
  row: QueueRow;
  onWhy: (row: QueueRow) => void;
  onLog: (row: QueueRow) => void;
  onCancel: (row: QueueRow) => void;
}

/** What can be done with a job: ask why, read its log, let it go. */
export function QueueActions(props: IProps): React.ReactElement {
  const { row, onWhy, onLog, onCancel } = props;
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
      {canHaveLog(row) && (
        <Action
          glyph="script"
          text=""
          label={`Log of job ${id}`}
          onClick={() => onLog(row)}
        />
      )}
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
