import React from 'react';
import type { Note } from '../wire';
import { Disclosure } from './Disclosure';
import { Glyph } from './Glyph';
import { Ago } from './Moment';

const GLYPHS = { info: 'check', warning: 'warning', error: 'failed' } as const;
const SHOWN = 50;

/** What happened to a cluster, the newest first; its last line also while closed. */
export function Diary(props: { notes: readonly Note[] }): React.ReactElement {
  const newest = [...props.notes].reverse();
  return (
    <Disclosure
      label="Diary"
      summary={
        <>
          Diary<span className="ihpc-Faint"> · {newest[0].text}</span>
        </>
      }
    >
      <ol className="ihpc-Notes">
        {newest.slice(0, SHOWN).map((note, index) => (
          <li key={newest.length - index} className={`ihpc-mod-${note.level}`}>
            <Glyph name={GLYPHS[note.level]} />
            <span>
              {note.text}{' '}
              <span className="ihpc-Faint">
                <Ago at={note.at} />
              </span>
            </span>
          </li>
        ))}
      </ol>
    </Disclosure>
  );
}
