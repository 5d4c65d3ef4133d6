import { confirmCancel } from '../dialogs/Cancel';
import { pick } from '../dialogs/Pick';
import { showPlan } from '../dialogs/Plan';
import { IhpcError } from '../errors';
import { called, over } from '../model/runs';
import type { Store } from '../model/store';
import type { RunView } from '../wire';
import { CommandIDs } from './ids';
import type { ICommand } from './register';

/** Urgent runs: cancel, read the plan, forget. */
export function runs(store: Store): ICommand[] {
  return [
    {
      id: CommandIDs.cancelRun,
      label: 'Cancel Urgent Run…',
      caption: 'End an urgent run with its jobs',
      failure: 'The run was not cancelled',
      execute: async args => {
        const title = 'Cancel which run?';
        const run = await chooseRun(store, args.run, title, mayCancel);
        if (run && (await agreed(store, run))) {
          await store.removeRun(run.id);
        }
      }
    },
    {
      id: CommandIDs.showRunPlan,
      label: 'Show Plan of Urgent Run…',
      caption: 'Show the ways to start that a run had, and which was chosen',
      failure: 'The plan cannot be shown',
      execute: async args => {
        const run = await chooseRun(store, args.run, 'Plan of which run?');
        await (run && showPlan(run.title || run.id, run.plan));
      }
    },
    {
      id: CommandIDs.forgetRun,
      label: 'Forget Ended Urgent Run…',
      caption: 'Take an ended run with its output and result off the list',
      failure: 'The run was not forgotten',
      execute: async args => {
        const run = await chooseRun(store, args.run, 'Forget which run?', over);
        if (run && (await store.removeRun(run.id))) {
          throw new IhpcError(
            409,
            'The batch system has not said yet what the run cost.',
            'Forget it in a few seconds.'
          );
        }
      }
    }
  ];
}

/** The run *id*, or one that the person picks; null where they pick none. */
export async function chooseRun(
  store: Store,
  id: string | undefined,
  title: string,
  fits: (run: RunView) => boolean = () => true
): Promise<RunView | null> {
  if (id === undefined) {
    const fitting = store.state.runs.filter(fits);
    if (!fitting.length) {
      throw new IhpcError(
        404,
        'There is no run to choose.',
        'Begin one with %%urgent above a cell, or with “Run urgently”.'
      );
    }
    const picked = await pick(title, fitting.map(called));
    return fitting.find(run => called(run) === picked) ?? null;
  }
  const run = store.run(id);
  if (!run) {
    throw new IhpcError(
      404,
      `There is no run ${id}.`,
      'It may have been forgotten; the side bar lists what there is.'
    );
  }
  return run;
}

function mayCancel(run: RunView): boolean {
  return !over(run) && run.holder === null;
}

/** Nothing is lost before the first line has run; meanwhile the run may have ended. */
async function agreed(store: Store, run: RunView): Promise<boolean> {
  if (
    run.state === 'running' &&
    !(await confirmCancel(run, store.factor(run), store.now()))
  ) {
    return false;
  }
  const now = store.run(run.id);
  return now !== undefined && !over(now);
}
