import React from 'react';
import { IhpcError } from '../errors';
import { idOf, unfolded } from '../model/queue';
import { many } from '../model/words';
import type { Queue } from '../wire';
import { Glyph } from './Glyph';
import { type ILine, QueueLine } from './QueueLine';

interface IProps extends ILine {
  at: number | null;
  onUnfold: (row: ILine['row']) => Promise<Queue>;
}

// A table is read in parts: of a long array the first.
const FEW = 50;

/** Jobs of an array that are alike, as one line that opens to the single ones; read again as the queue is. */
export function QueueFold(props: IProps): React.ReactElement {
  const { row, at } = props;
  const [open, setOpen] = React.useState(false);
  const [told, tell] = React.useState<Queue | null>(null);
  const [error, fail] = React.useState<IhpcError | null>(null);
  React.useEffect(() => {
    let wanted = open;
    if (open) {
      props.onUnfold(row).then(
        answer => wanted && (tell(answer), fail(null)),
        (reason: unknown) => wanted && fail(IhpcError.from(reason))
      );
    }
    return () => {
      wanted = false;
    };
    // With each answer of the batch system, and no more often.
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, [open, at]);
  const jobs = told ? unfolded(row, told.rows) : [];
  const shown = jobs.slice(0, FEW);
  const more = row.count - shown.length;
  return (
    <>
      <QueueLine {...props}>
        <button
          type="button"
          className="ihpc-Link ihpc-Queue-unfold"
          aria-expanded={open}
          aria-label={`${open ? 'Fold' : 'Unfold'} jobs ${idOf(row)}`}
          onClick={() => setOpen(!open)}
        >
          {open ? '▾ fold' : `▸ each of ${row.count.toLocaleString('en')}`}
        </button>
      </QueueLine>
      {open &&
        shown.map(job => (
          <QueueLine key={job.id} {...props} row={job} inFold />
        ))}
      {open && (error || told === null || more > 0) && (
        <tr className="ihpc-mod-inFold">
          <td colSpan={8} className="ihpc-Faint ihpc-Queue-rest" role="status">
            {error ? (
              <>
                <Glyph name="failed" /> {error.message}
              </>
            ) : told === null ? (
              'Asking…'
            ) : (
              `and ${many(more, 'more job')}`
            )}
          </td>
        </tr>
      )}
    </>
  );
}
