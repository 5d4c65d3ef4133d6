import React from 'react';
import { over } from '../model/runs';
import type { RunView } from '../wire';
import { Action } from './Action';
import type { IActions } from './actions';

interface IProps {
  run: RunView;
  cancelling: boolean;
  actions: IActions;
}

/** What can be done with a run. */
export function RunActions(props: IProps): React.ReactElement {
  const { run, cancelling, actions } = props;
  const name = run.title || run.id;
  const mine = run.holder === null;
  return (
    <div
      className="ihpc-Actions"
      role="group"
      aria-label={`Actions of ${name}`}
    >
      <Action
        glyph="code"
        text="Attach"
        label={`Insert attach code of ${name} into the notebook`}
        onClick={() => actions.insertAttachCode(run.id)}
      />
      <Action
        glyph="plan"
        text="Plan"
        label={`Show plan of ${name}`}
        onClick={() => actions.showPlan(run.id)}
      />
      {mine && !over(run) && (
        <Action
          glyph="stopped"
          text="Cancel"
          end
          label={`Cancel run ${name}`}
          disabled={cancelling}
          onClick={() => actions.cancelRun(run.id)}
        />
      )}
      {mine && over(run) && (
        <Action
          glyph="forget"
          text="Forget"
          end
          label={`Forget run ${name}`}
          disabled={!run.settled}
          onClick={() => actions.forgetRun(run.id)}
        />
      )}
    </div>
  );
}
