import { Dialog, showDialog } from '@jupyterlab/apputils';
import React from 'react';
import { price, start, way } from '../model/runs';
import type { Plan, Way } from '../wire';

/** Asks before other people's jobs are disturbed: who they are, and what it costs. */
export async function confirmDisturbing(
  plan: Plan,
  one: Way
): Promise<boolean> {
  const answer = await showDialog({
    title: 'Disturb other people’s jobs?',
    body: (
      <div className="ihpc-Reading">
        <p>
          Running this cell now, by {way(one.kind)}
          {one.lane && ` in lane ${one.lane}`}, disturbs <b>{one.disturbs}</b>.
        </p>
        <p>
          Price: at most {price(one.price)}. Expected start: {start(one)}.
        </p>
        {plan.why && <p className="ihpc-Faint">{plan.why}</p>}
      </div>
    ),
    buttons: [
      Dialog.cancelButton(),
      Dialog.warnButton({ label: 'Disturb and run' })
    ],
    defaultButton: 0
  });
  return answer.button.accept;
}
