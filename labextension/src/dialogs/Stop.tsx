import { Dialog, showDialog } from '@jupyterlab/apputils';
import React from 'react';
import { bytes, many, total } from '../model/words';
import type { ClusterView } from '../wire';

/** Asks whether to stop a cluster, and says what that ends. */
export async function confirmStop(cluster: ClusterView): Promise<boolean> {
  const groups = Object.values(cluster.groups);
  const counts = total(groups);
  const jobs = groups.reduce((sum, group) => sum + group.jobs.length, 0);
  const { tasks, memory, clients } = cluster.load;
  const answer = await showDialog({
    title: `Stop cluster ${cluster.name}?`,
    body: (
      <div className="ihpc-Reading">
        <p>
          {many(counts.working + counts.starting, 'running worker')} and{' '}
          {many(counts.pending + counts.requested, 'waiting worker')} end, with{' '}
          {many(jobs, 'job')} at {cluster.site}.
        </p>
        {(tasks > 0 || clients > 0) && (
          <p>
            {many(tasks, 'task')} and {bytes(memory)} in the workers’ memory are
            lost; {many(clients, 'client')} will be disconnected.
          </p>
        )}
      </div>
    ),
    buttons: [
      Dialog.cancelButton({ label: 'Keep' }),
      Dialog.warnButton({ label: 'Stop' })
    ],
    defaultButton: 0
  });
  return answer.button.accept;
}
