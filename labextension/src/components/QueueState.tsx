import React from 'react';
import { mayHaveChanged } from '../model/heard';
import { exit } from '../model/queue';
import type { QueueRow } from '../wire';
import { Glyph, type GlyphName } from './Glyph';
import { Held, LastHeard } from './Heard';

const LOOKS: Partial<Record<QueueRow['state'], [GlyphName, string]>> = {
  PENDING: ['wait', 'degraded'],
  REQUEUED: ['wait', 'degraded'],
  CONFIGURING: ['busy', 'starting'],
  RUNNING: ['play', 'running'],
  SUSPENDED: ['wait', 'degraded'],
  COMPLETING: ['busy', 'starting'],
  COMPLETED: ['ok', 'running'],
  CANCELLED: ['stopped', ''],
  PREEMPTED: ['warning', 'degraded'],
  UNKNOWN: ['unknown', 'unknown']
};

/** A job's state: the batch system's word with drawing and colour, a sentence where the pointer rests. */
export function QueueState({ row }: { row: QueueRow }): React.ReactElement {
  const [glyph, tone] = LOOKS[row.state] ?? ['failed', 'failed'];
  const held = React.useContext(Held);
  const ended = exit(row);
  return (
    <span className={`ihpc-State ihpc-mod-${tone}`} title={row.state_text}>
      <Glyph name={glyph} />
      {row.count > 1 && `${row.count.toLocaleString('en')} `}
      {row.state}
      {held !== null && mayHaveChanged(row.state) && <LastHeard at={held} />}
      {ended && ended !== 'exit code 0' && (
        <span className="ihpc-Faint">{ended}</span>
      )}
    </span>
  );
}
