import React from 'react';
import type { Job } from '../wire';
import { Paged } from './Paged';
import { TerminalCommand } from './TerminalCommand';

/** Jobs with our tag that no known cluster lists: shown, never touched. */
export function ForeignJobs(props: {
  jobs: readonly Job[];
  /** Whether some of them may have changed since they were told of. */
  unsure: boolean;
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
              <span className="ihpc-Job-state">
                {job.state}
                {props.unsure && ' when last heard'}
              </span>
              <span className="ihpc-Faint">{job.name}</span>
            </span>
          </li>
        )}
      </Paged>
      <TerminalCommand of="jobs of no known cluster" command="ihpc jobs" />
    </section>
  );
}
