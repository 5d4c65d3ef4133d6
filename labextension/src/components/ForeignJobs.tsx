import React from 'react';
import type { Job } from '../wire';
import { Paged } from './Paged';

/** Jobs with our tag that no known cluster lists: shown, never touched. */
export function ForeignJobs(props: {
  jobs: readonly Job[];
}): React.ReactElement {
  return (
    <section className="ihpc-Section" aria-label="Jobs of no known cluster">
      <h2>Jobs of no known cluster</h2>
      <p className="ihpc-Faint">
        They carry our tag, but nobody here looks after them. If nobody does
        elsewhere, cancel them with the batch system’s own command.
      </p>
      <Paged label="Jobs of no known cluster" items={props.jobs}>
        {job => (
          <li key={job.id} className="ihpc-Job">
            <span className="ihpc-Job-words">
              <span className="ihpc-Job-id">{job.id}</span>
              <span className="ihpc-Job-state">{job.state}</span>
              <span className="ihpc-Faint">{job.name}</span>
            </span>
          </li>
        )}
      </Paged>
    </section>
  );
}
