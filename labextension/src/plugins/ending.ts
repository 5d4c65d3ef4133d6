import type {
  JupyterFrontEnd,
  JupyterFrontEndPlugin
} from '@jupyterlab/application';
import { Notification } from '@jupyterlab/apputils';
import { CommandIDs } from '../commands/ids';
import { EndWatch } from '../model/ending';
import type { Store } from '../model/store';
import { duration } from '../model/words';
import { IHpc } from '../tokens';

/** Warns ten and two minutes before the job ends that this server runs in. */
export const endingPlugin: JupyterFrontEndPlugin<void> = {
  id: 'ihpc-jupyter:ending',
  description: 'Warnings before the batch job of this Jupyter server ends.',
  autoStart: true,
  requires: [IHpc],
  activate: (app: JupyterFrontEnd, store: Store) => {
    let shown = '';
    const watch = new EndWatch(
      () => store.now(),
      left => {
        Notification.dismiss(shown);
        // It stands until somebody has read it: the time of day stays true.
        const at = new Date(Date.now() + left * 1000).toLocaleTimeString();
        shown = Notification.warning(
          `This Jupyter server ends in ${duration(left)}, at ${at}, with its job. Save your work.`,
          {
            autoClose: false,
            actions: [
              {
                label: 'What to do',
                caption: 'What ends with the job, what goes on, save all',
                callback: () => void app.commands.execute(CommandIDs.explainEnd)
              }
            ]
          }
        );
      }
    );
    const follow = (): void => {
      watch.follow(store.state.here?.job.ends_at ?? null);
    };
    // What is told before JupyterLab shows such news goes to their list alone, where nobody looks.
    void app.started.then(() => {
      store.changed.connect(follow);
      follow();
    });
  }
};
