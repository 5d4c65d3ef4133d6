import { Dialog, showDialog } from '@jupyterlab/apputils';
import React from 'react';
import { timeLeft } from '../model/ending';
import type { ClusterView, Here } from '../wire';

/** Says what ends with this server's job and what goes on; true where all is to be saved now. */
export async function explainEnding(
  here: Here,
  clusters: readonly ClusterView[],
  now: number
): Promise<boolean> {
  const { job } = here;
  const answer = await showDialog({
    title: 'When this server’s job ends',
    body: (
      <div className="ihpc-Reading">
        <p>
          This Jupyter server runs in job {job.id} at {here.site}:{' '}
          <b>{timeLeft(here, now) || 'its time limit is not told'}</b>
          {job.ends_at !== null &&
            `, until ${new Date(job.ends_at * 1000).toLocaleString()}`}
          .
        </p>
        <p>
          <b>It takes with it</b> the kernels with all their variables,
          terminals, and whatever is not saved. Save your notebooks, and write
          results to files.
        </p>
        <p>
          <b>What goes on:</b> the workers of clusters and urgent runs are jobs
          of their own. {heads(clusters)} The next Lab shows them all;{' '}
          <code>%runs attach</code> brings a run’s result there.
        </p>
        <p className="ihpc-Faint">
          A running job’s limit is raised by the centre’s staff alone. Start the
          next server soon: its job may have to wait in the queue.
        </p>
      </div>
    ),
    buttons: [
      Dialog.cancelButton({ label: 'Close' }),
      Dialog.okButton({ label: 'Save all now' })
    ]
  });
  return answer.button.accept;
}

function heads(clusters: readonly ClusterView[]): string {
  const bound = clusters
    .filter(one => one.head.placement === 'host' && one.head.state === 'up')
    .map(one => one.name);
  return bound.length
    ? `The heads of ${bound.join(', ')} run on this host: they may end with the job, and results that only they know of are computed again.`
    : '';
}
