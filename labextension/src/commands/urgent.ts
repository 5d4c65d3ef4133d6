import { CodeCell } from '@jupyterlab/cells';
import type { INotebookTracker, NotebookPanel } from '@jupyterlab/notebook';
import type { Kernel } from '@jupyterlab/services';
import { confirmDisturbing } from '../dialogs/Disturb';
import { IhpcError } from '../errors';
import { urgentIcon } from '../icons';
import { chosen, urgently } from '../model/runs';
import type { Plan } from '../wire';
import { CommandIDs } from './ids';
import type { ICommand } from './register';

/** The button beside *Run*: the active cell as an urgent run. */
export function urgent(notebooks: INotebookTracker | null): ICommand[] {
  return [
    {
      id: CommandIDs.runUrgently,
      label: 'Run Cell Urgently',
      caption: 'Run this cell urgently: now, on the batch system (%%urgent)',
      icon: urgentIcon,
      failure: 'The cell was not run',
      execute: async () => {
        const { panel, cell, kernel } = await inFront(notebooks);
        const source = cell.model.sharedModel.getSource();
        if (!source.trim()) {
          throw new IhpcError(422, 'The cell is empty.', 'Write code into it.');
        }
        const code = urgently(source);
        const plan = await planned(kernel, code);
        if (plan === null || (await agreed(plan))) {
          await run(panel, cell, kernel, code);
        }
      }
    }
  ];
}

interface IPlace {
  panel: NotebookPanel;
  cell: CodeCell;
  kernel: Kernel.IKernelConnection;
}

async function inFront(notebooks: INotebookTracker | null): Promise<IPlace> {
  const panel = notebooks?.currentWidget;
  if (!panel) {
    throw new IhpcError(
      404,
      'No notebook is open.',
      'Open one, and choose the cell that is to run.'
    );
  }
  const cell = panel.content.activeCell;
  if (!(cell instanceof CodeCell)) {
    throw new IhpcError(
      422,
      'The chosen cell holds no code.',
      'Choose a code cell.'
    );
  }
  await panel.sessionContext.ready;
  const kernel = panel.sessionContext.session?.kernel;
  if (!kernel) {
    throw new IhpcError(
      409,
      'The notebook has no kernel.',
      'Choose a Python kernel, then run the cell again.'
    );
  }
  return { panel, cell, kernel };
}

/** Whether to go on: always where nobody is disturbed, else as the person says. */
async function agreed(plan: Plan): Promise<boolean> {
  const way = chosen(plan);
  if (!way) {
    throw new IhpcError(
      409,
      plan.why || 'There is no way to start now.',
      'Write %%urgent --plan above the cell to see every way and why it is closed.'
    );
  }
  return !way.disturbs || confirmDisturbing(plan, way);
}

/** Runs *code* as if it stood in the cell: output and count appear there, the text stays. */
async function run(
  panel: NotebookPanel,
  cell: CodeCell,
  kernel: Kernel.IKernelConnection,
  code: string
): Promise<void> {
  const { model } = cell;
  model.sharedModel.transact(() => {
    model.clearExecution();
    cell.outputHidden = false;
  }, false);
  model.executionState = 'running';
  model.trusted = true;
  try {
    const future = kernel.requestExecute({ code, stop_on_error: true }, false, {
      ...model.metadata,
      cellId: model.sharedModel.getId(),
      deletedCells: [...(panel.content.model?.deletedCells ?? [])]
    });
    cell.outputArea.future = future;
    const reply = await future.done;
    // A cell that was run again or removed meanwhile is not ours any more.
    if (!cell.isDisposed && cell.outputArea.future === future) {
      model.executionCount = reply.content.execution_count;
    }
  } finally {
    if (!cell.isDisposed) {
      model.executionState = 'idle';
    }
  }
}

/**
 * What the kernel plans for this very cell: it knows the options in its first line, and the notebook's cluster. Null
 * where the cell would run nothing. Lets the kernel know `%%urgent`, too.
 */
async function planned(
  kernel: Kernel.IKernelConnection,
  cell: string
): Promise<Plan | null> {
  // A JSON string is a Python string, too.
  const plan = `__import__("ihpc_jupyter.kernel.urgent.question", fromlist=["*"]).question(${JSON.stringify(cell)})`;
  const asked = kernel.requestExecute({
    code: '%load_ext ihpc_jupyter',
    silent: true,
    user_expressions: { plan }
  });
  const { content } = await asked.done;
  if (content.status !== 'ok') {
    const why = content.status === 'error' ? content.evalue : 'It was aborted';
    throw new IhpcError(
      409,
      `The notebook’s kernel does not know %%urgent: ${why}.`,
      'Install ihpc_jupyter into the environment of the kernel.'
    );
  }
  const told = content.user_expressions.plan as unknown as IExpression;
  if (told.status !== 'ok') {
    throw new IhpcError(409, told.evalue ?? 'There is no plan.', '');
  }
  return told.data?.['application/json']?.plan ?? null;
}

/** An evaluated expression, as the kernel's protocol has it. */
interface IExpression {
  status: string;
  evalue?: string;
  data?: { 'application/json'?: { plan: Plan | null } };
}
