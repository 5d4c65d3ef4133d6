import { Dialog, showDialog } from '@jupyterlab/apputils';
import React from 'react';
import { idOf, type IReach, waits } from '../model/queue';
import { many } from '../model/words';
import type { QueueRow } from '../wire';

/** Asks whether to cancel, and says how many jobs that ends; *own*: this Jupyter server is among them. */
export async function confirmCancelJobs(
  row: QueueRow,
  reach: IReach,
  own: boolean
): Promise<boolean> {
  const jobs = many(reach.jobs, waits(row) ? 'waiting job' : 'job');
  const answer = await showDialog({
    title:
      reach.jobs === 1
        ? `Cancel job ${idOf(row)}?`
        : `Cancel ${jobs} of array ${reach.id}?`,
    body: (
      <div className="ihpc-Reading">
        <p>
          {reach.jobs === 1 ? (
            <>
              {row.name} is {row.state}.
            </>
          ) : (
            <>
              {row.name}: {jobs}
              {reach.waiting && '; those that run go on'}.
            </>
          )}{' '}
          {!waits(row) && 'What it has computed and not saved is lost.'}
        </p>
        {own && (
          <p>
            <b>This Jupyter server runs in that job</b>, and ends with it: its
            kernels, and what is not saved.
          </p>
        )}
      </div>
    ),
    buttons: [
      Dialog.cancelButton({ label: 'Keep' }),
      Dialog.warnButton({ label: `Cancel ${jobs}` })
    ],
    defaultButton: 0
  });
  return answer.button.accept;
}
