import React from 'react';
import { outcome, price, tries, way } from '../model/runs';
import type { Attempt } from '../wire';
import { Disclosure } from './Disclosure';
import { Glyph, type GlyphName } from './Glyph';
import { Ago } from './Moment';

type Outcome = NonNullable<Attempt['outcome']>;

const GLYPHS: Record<Outcome, GlyphName> = {
  won: 'ok',
  answered: 'check',
  lost: 'failed',
  unanswered: 'warning',
  refused: 'failed',
  cancelled: 'stopped',
  preempted: 'warning'
};

interface IProps {
  attempts: readonly Attempt[];
  /** Whose attempts, for the list's name. */
  of: string;
  /** The directory with the attempts' scripts and logs. */
  mailbox: string;
}

/** How often it was tried, and on opening what became of each. */
export function Attempts(props: IProps): React.ReactElement {
  const { attempts, of, mailbox } = props;
  const told = attempts.at(-1)?.why;
  return (
    <Disclosure
      label={`Attempts of ${of}`}
      summary={
        <>
          {tries(attempts)}
          {attempts.length > 1 && told && (
            <span className="ihpc-Faint" title={told}>
              {' '}
              · {told}
            </span>
          )}
        </>
      }
    >
      <ol className="ihpc-Notes">
        {attempts.map(attempt => (
          <li key={attempt.number} data-ihpc-attempt={attempt.number}>
            <Glyph name={attempt.outcome ? GLYPHS[attempt.outcome] : 'busy'} />
            <Story attempt={attempt} />
          </li>
        ))}
      </ol>
      <p className="ihpc-Faint ihpc-Run-mailbox">
        Scripts and logs: <code>{mailbox}</code>
      </p>
    </Disclosure>
  );
}

function Story({ attempt }: { attempt: Attempt }): React.ReactElement {
  const { number, job_id, nodes, exclude, preempted, core_seconds } = attempt;
  const facts = [
    ...(job_id ? [`job ${job_id}`] : []),
    ...(nodes.length ? [`on ${nodes.join(', ')}`] : []),
    ...(exclude.length ? [`not on ${exclude.join(', ')}`] : [])
  ];
  return (
    <div className="ihpc-Attempt">
      <p>
        <b>
          {number}. {outcome(attempt)}
        </b>
        : {way(attempt.way)}
        {facts.length > 0 && `, ${facts.join(', ')}`}
      </p>
      {attempt.why && <p>{attempt.why}</p>}
      {attempt.detail && attempt.detail !== attempt.why && (
        <p>{attempt.detail}</p>
      )}
      {preempted.length > 0 && <p>Had to give way: {preempted.join(', ')}.</p>}
      <p className="ihpc-Faint">
        Submitted <Ago at={attempt.submitted_at} />
        {core_seconds > 0 && (
          <>
            {'; '}
            <span
              title={
                attempt.accounted
                  ? 'Cores held, as the batch system accounts for them'
                  : 'Cores held, by our own clock'
              }
            >
              {price(core_seconds / 3600)} held
            </span>
          </>
        )}
      </p>
    </div>
  );
}
