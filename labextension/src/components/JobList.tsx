import React from 'react';
import { many } from '../model/words';
import type { JobView } from '../wire';
import { Disclosure } from './Disclosure';
import { JobRow } from './JobRow';
import { Ago } from './Moment';

interface IProps {
  jobs: readonly JobView[];
  of: string;
  /** When the batch system last answered about them. */
  askedAt: number | null;
  onLog: (job: string) => void;
}

// A long list is read in parts: the side bar must stay quick with thousands of jobs.
const PAGE = 25;

/** The jobs of a group: first how many in which state, then one by one. */
export function JobList({
  jobs,
  of,
  askedAt,
  onLog
}: IProps): React.ReactElement {
  const [shown, show] = React.useState(PAGE);
  return (
    <Disclosure
      label={`Jobs of group ${of}`}
      summary={
        <>
          {many(jobs.length, 'job')}
          <span className="ihpc-Faint"> · {states(jobs)}</span>
        </>
      }
    >
      {askedAt !== null && (
        <p className="ihpc-Faint">
          As the batch system said <Ago at={askedAt} />:
        </p>
      )}
      <ul className="ihpc-Jobs" aria-label={`Jobs of group ${of}`}>
        {jobs.slice(0, shown).map((job, index) => (
          <JobRow
            key={job.id}
            job={job}
            above={jobs[index - 1]}
            onLog={() => onLog(job.id)}
          />
        ))}
      </ul>
      {jobs.length > shown && (
        <button
          type="button"
          className="ihpc-Link"
          onClick={() => show(shown + PAGE)}
        >
          {jobs.length - shown} more
        </button>
      )}
    </Disclosure>
  );
}

function states(jobs: readonly JobView[]): string {
  const counts = new Map<string, number>();
  for (const job of jobs) {
    counts.set(job.state, (counts.get(job.state) ?? 0) + 1);
  }
  return [...counts].map(([state, n]) => `${n} ${state}`).join(', ');
}
