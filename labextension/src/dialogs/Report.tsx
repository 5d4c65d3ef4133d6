import React from 'react';
import { Glyph, type GlyphName } from '../components/Glyph';
import type { Check, Report } from '../wire';
import { showCopyable } from './Copyable';

const GLYPHS: Record<Check['outcome'], GlyphName> = {
  ok: 'ok',
  warning: 'warning',
  failed: 'failed',
  'not-checked': 'unknown'
};

/** Shows a doctor's report; *Copy* takes it as text, for a ticket to the centre's staff. */
export async function showReport(report: Report): Promise<void> {
  await showCopyable({
    title: `Check of site ${report.site}`,
    body: <Checks checks={report.checks} />,
    text: asText(report)
  });
}

function Checks(props: { checks: readonly Check[] }): React.ReactElement {
  if (!props.checks.length) {
    return (
      <p className="ihpc-Reading">There is nothing to check at this site.</p>
    );
  }
  return (
    <ul className="ihpc-Checks">
      {props.checks.map((check, index) => (
        <li key={index} className={`ihpc-mod-${check.outcome}`}>
          <Glyph name={GLYPHS[check.outcome]} />
          <div>
            <p>
              <b>{check.name}</b> <span>{check.outcome.replace('-', ' ')}</span>
            </p>
            <p>{check.text}</p>
            {check.hint && <p className="ihpc-Faint">{check.hint}</p>}
          </div>
        </li>
      ))}
    </ul>
  );
}

function asText(report: Report): string {
  const lines = report.checks.map(check => {
    const hint = check.hint ? `\n    ${check.hint}` : '';
    return `[${check.outcome}] ${check.name}: ${check.text}${hint}`;
  });
  const at = new Date(report.at * 1000).toISOString();
  return [`Site ${report.site}, ${at}`, ...lines].join('\n');
}
