import React from 'react';
import { brief } from '../model/runs';
import { type IStage, stages } from '../model/stages';
import { roughly } from '../model/words';
import type { RunView } from '../wire';
import { Moment } from './Moment';

const SAID: Record<IStage['is'], string> = {
  done: '',
  now: ', now',
  next: ', not yet',
  skipped: ', not reached'
};

/** From wish to result: each stage with the time spent in it, the present one counting. */
export function StageLine({ run }: { run: RunView }): React.ReactElement {
  return (
    <ol className="ihpc-Stages" aria-label="Stages">
      {stages(run).map(stage => (
        <li
          key={stage.name}
          className={`ihpc-mod-${stage.is}`}
          aria-current={stage.is === 'now' ? 'step' : undefined}
          data-ihpc-stage={stage.name}
        >
          <span className="ihpc-Stages-name">
            {stage.name}
            <span className="ihpc-Hidden">{SAID[stage.is]}</span>{' '}
            <span className="ihpc-Stages-time">
              <Spent stage={stage} />
            </span>
          </span>
        </li>
      ))}
    </ol>
  );
}

function Spent({ stage }: { stage: IStage }): React.ReactElement | null {
  if (stage.is === 'now' && stage.at !== null) {
    return <Moment at={stage.at} say={s => roughly(-s)} />;
  }
  return stage.seconds === null ? null : <>{brief(stage.seconds)}</>;
}
