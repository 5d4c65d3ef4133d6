import React from 'react';
import { unproved } from '../model/heard';
import { fold } from '../model/jobs';
import { many } from '../model/words';
import type { JobView } from '../wire';
import { Disclosure } from './Disclosure';
import { FoldedRow } from './FoldedRow';
import { JobRow } from './JobRow';
import { Held } from './Heard';
import { Ago } from './Moment';
import { Paged } from './Paged';

interface IProps {
  jobs: readonly JobView[];
  of: string;
  /** When the batch system last answered about them. */
  askedAt: number | null;
  onLog: (job: string) => void;
}

/** The jobs of a group: first how many in which state, then those that are alike, then one by one. */
export function JobList(props: IProps): React.ReactElement {
  const { jobs, of } = props;
  const held = React.useContext(Held);
  const then = held !== null && jobs.some(unproved) ? ' when last heard' : '';
  const told = states(jobs);
  return (
    <Disclosure
      label={`Jobs of group ${of}`}
      summary={
        <>
          {many(jobs.length, 'job')}
          {then}
          <span className="ihpc-Faint" title={told}>
            {' '}
            · {told}
          </span>
        </>
      }
    >
      <Rows {...props} />
    </Disclosure>
  );
}

function Rows({ jobs, of, askedAt, onLog }: IProps): React.ReactElement {
  const rows = React.useMemo(() => fold(jobs), [jobs]);
  return (
    <>
      {askedAt !== null && (
        <p className="ihpc-Faint">
          As the batch system said <Ago at={askedAt} />:
        </p>
      )}
      <Paged label={`Jobs of group ${of}`} items={rows}>
        {(row, before) =>
          row.jobs.length > 1 ? (
            <FoldedRow
              key={row.key}
              jobs={row.jobs}
              above={before?.jobs[0]}
              onLog={onLog}
            />
          ) : (
            <JobRow
              key={row.key}
              job={row.jobs[0]}
              above={before?.jobs[0]}
              onLog={onLog}
            />
          )
        }
      </Paged>
    </>
  );
}

function states(jobs: readonly JobView[]): string {
  const counts = new Map<string, number>();
  for (const job of jobs) {
    counts.set(job.state, (counts.get(job.state) ?? 0) + 1);
  }
  return [...counts]
    .map(([state, n]) => `${n.toLocaleString('en')} ${state}`)
    .join(', ');
}
