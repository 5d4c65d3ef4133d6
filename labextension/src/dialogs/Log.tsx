import React from 'react';
import { Glyph } from '../components/Glyph';
import { IhpcError } from '../errors';
import { joined } from '../model/log';
import { Rounds } from '../model/rounds';
import type { LogTail } from '../wire';
import { showCopyable } from './Copyable';

const PACE = 2000;

/** Shows the end of a log, and what is written from then on. *more* reads what stands behind a byte. */
export async function showLog(
  first: LogTail,
  more: (after: number) => Promise<LogTail>
): Promise<void> {
  let last = first;
  await showCopyable({
    title: `Log of job ${first.job_id}`,
    body: (
      <Following first={first} more={more} onTold={told => (last = told)} />
    ),
    text: () => last.text
  });
}

interface IProps {
  first: LogTail;
  more: (after: number) => Promise<LogTail>;
  onTold: (told: LogTail) => void;
}

function Following({ first, more, onTold }: IProps): React.ReactElement {
  const [told, tell] = React.useState(first);
  const [error, fail] = React.useState<IhpcError | null>(null);
  const text = React.useRef<HTMLPreElement>(null);
  // Who has scrolled up reads: the text stays where it is.
  const atEnd = React.useRef(true);
  React.useEffect(() => {
    let all = first;
    const rounds = new Rounds(PACE, async isCurrent => {
      try {
        const next = joined(all, await more(all.end));
        if (isCurrent() && next !== all) {
          all = next;
          tell(next);
          onTold(next);
        }
        fail(null);
      } catch (reason) {
        fail(IhpcError.from(reason));
      }
    });
    rounds.look();
    return () => rounds.rest();
    // A dialog is opened for one log, which does not change.
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, []);
  React.useLayoutEffect(() => {
    if (atEnd.current && text.current) {
      text.current.scrollTop = text.current.scrollHeight;
    }
  }, [told]);
  return (
    <div className="ihpc-Reading">
      <p>
        {told.truncated ? 'The end of' : 'File'} <code>{told.path}</code>
      </p>
      <pre
        ref={text}
        className="ihpc-Log"
        tabIndex={0}
        aria-label={`Log of job ${first.job_id}`}
        onScroll={({ currentTarget: pre }) => {
          const below = pre.scrollHeight - pre.scrollTop - pre.clientHeight;
          atEnd.current = below < 8;
        }}
      >
        {told.text || 'Nothing is written yet.'}
      </pre>
      <p className="ihpc-Faint" role="status">
        {error ? (
          <>
            <Glyph name="warning" /> {error.message} {error.hint}
          </>
        ) : (
          'Followed as it is written, while this is open.'
        )}
      </p>
    </div>
  );
}
