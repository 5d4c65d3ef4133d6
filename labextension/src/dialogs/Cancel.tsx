import { Dialog, showDialog } from '@jupyterlab/apputils';
import React from 'react';
import { brief, price, soFar } from '../model/runs';
import { many } from '../model/words';
import type { RunView } from '../wire';

/** Asks whether to cancel a run that is running at *now*, and says what that loses. */
export async function confirmCancel(
  run: RunView,
  factor: number,
  now: number
): Promise<boolean> {
  const ran = now - (run.stages.running ?? now);
  const nodes = run.attempts.at(-1)?.nodes ?? [];
  const answer = await showDialog({
    title: `Cancel run ${run.title || run.id}?`,
    body: (
      <div className="ihpc-Reading">
        <p>
          Your code has run for {brief(ran)}
          {nodes.length > 0 && ` on ${nodes.join(', ')}`}
          {run.copies > 1 && ` in ${many(run.copies, 'copy', 'copies')}`}. What
          it has computed is lost
          {run.kind !== 'script' && ', and nothing comes back to the notebook'};
          what it wrote to files stays.
        </p>
        <p>{price(soFar(run, factor, now))} so far, and that stays charged.</p>
      </div>
    ),
    buttons: [
      Dialog.cancelButton({ label: 'Keep running' }),
      Dialog.warnButton({ label: 'Cancel run' })
    ],
    defaultButton: 0
  });
  return answer.button.accept;
}
