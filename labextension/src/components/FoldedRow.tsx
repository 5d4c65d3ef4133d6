import React from 'react';
import { firstStart, ranges, why } from '../model/jobs';
import type { JobView } from '../wire';
import { Disclosure } from './Disclosure';
import { JobRow, JobStateWord } from './JobRow';
import { Held } from './Heard';
import { Paged } from './Paged';
import { Expected } from './QueueTime';

interface IProps {
  jobs: readonly JobView[];
  /** The row before: a reason that stands there is not repeated in full. */
  above?: JobView;
  onLog: (job: string) => void;
}

// What has room in a side bar; the pointer shows the rest.
const RUNS = 3;

/** Jobs that are alike, as one row; it opens to the single ones. */
export function FoldedRow(props: IProps): React.ReactElement {
  const { jobs, above, onLog } = props;
  const held = React.useContext(Held);
  const [first] = jobs;
  const ids = React.useMemo(() => jobs.map(job => job.id), [jobs]);
  const all = ranges(ids);
  const start = firstStart(jobs);
  const reason = why(first);
  const same = reason !== '' && reason === why(above);
  const label = `${jobs.length} ${first.state} jobs ${all}`;
  return (
    <li className="ihpc-Job ihpc-mod-folded" data-ihpc-jobs={all}>
      <Disclosure
        label={label}
        summary={
          <>
            <span className="ihpc-Job-line">
              <span className="ihpc-Job-words">
                <span className="ihpc-Job-id" title={all}>
                  {ranges(ids, RUNS)}
                </span>
                <JobStateWord job={first} count={jobs.length} />
                {same && (
                  <span className="ihpc-Faint" title={reason}>
                    same reason
                  </span>
                )}
              </span>
            </span>
            {(start !== null || (reason && !same)) && (
              <span className="ihpc-Job-reason">
                {reason && !same && <span title={first.reason}>{reason} </span>}
                {start !== null && (
                  <span className="ihpc-Faint">
                    First start <Expected at={start} held={held} />.
                  </span>
                )}
              </span>
            )}
          </>
        }
      >
        <Paged label={label} items={jobs}>
          {job => <JobRow key={job.id} job={job} inFold onLog={onLog} />}
        </Paged>
      </Disclosure>
    </li>
  );
}
