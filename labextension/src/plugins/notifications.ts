import type {
  JupyterFrontEnd,
  JupyterFrontEndPlugin
} from '@jupyterlab/application';
import { ICommandPalette, Notification } from '@jupyterlab/apputils';
import { ISettingRegistry } from '@jupyterlab/settingregistry';
import type { IDisposable } from '@lumino/disposable';
import { CommandIDs } from '../commands/ids';
import { register } from '../commands/register';
import { Happenings, type IHappening } from '../model/happenings';
import type { Store } from '../model/store';
import { IHpc } from '../tokens';

const ID = 'ihpc-jupyter:notifications';
const SETTING = 'jobs';
const SHOWN = 10_000;

/** Tells, where a person wants it, when a job or an urgent run starts or ends. */
export const notificationsPlugin: JupyterFrontEndPlugin<void> = {
  id: ID,
  description: 'Notifications when jobs and urgent runs start or end.',
  autoStart: true,
  requires: [IHpc, ISettingRegistry],
  optional: [ICommandPalette],
  activate: (
    app: JupyterFrontEnd,
    store: Store,
    registry: ISettingRegistry,
    palette: ICommandPalette | null
  ) => {
    const teller = new Teller(store);
    void registry.load(ID).then(settings => {
      const follow = (): void => {
        teller.turn(settings.get(SETTING).composite === true);
      };
      settings.changed.connect(follow);
      follow();
    });
    register(app, palette, [
      {
        id: CommandIDs.toggleNotifications,
        label: 'Notify When Jobs Start or End',
        caption: 'Turn notifications about jobs and urgent runs on or off',
        failure: 'The setting was not changed',
        execute: async () => {
          const on = !teller.on;
          if (on && 'Notification' in window) {
            await window.Notification.requestPermission();
          }
          await registry.set(ID, SETTING, on);
          Notification.info(
            on
              ? 'You are told when a job or an urgent run of yours starts or ends.'
              : 'Jobs start and end in silence.',
            { autoClose: SHOWN }
          );
        }
      }
    ]);
  }
};

/** While it is on, jobs are followed as a visible pane would. */
class Teller {
  constructor(private readonly store: Store) {}

  get on(): boolean {
    return this._looking !== null;
  }

  turn(on: boolean): void {
    if (on === this.on) {
      return;
    }
    if (on) {
      this._seen = new Happenings(this.store.now());
      this._last.clear();
      this._looking = this.store.queues.look(true);
      this.store.changed.connect(this.look);
      this.look();
    } else {
      this.store.changed.disconnect(this.look);
      this._looking?.dispose();
      this._looking = null;
    }
  }

  private readonly look = (): void => {
    const { state, queues } = this.store;
    if (state.revision < 0) {
      return;
    }
    const found = this._seen.ofRuns(state.runs);
    for (const { site } of state.sites) {
      const { queue } = queues.of(site.name);
      if (queue && queue !== this._last.get(site.name)) {
        this._last.set(site.name, queue);
        found.push(...this._seen.ofJobs(site.name, queue.rows));
      }
    }
    found.forEach(tell);
  };

  private _seen = new Happenings();
  private readonly _last = new Map<string, object>();
  private _looking: IDisposable | null = null;
}

function tell({ key, text, outcome }: IHappening): void {
  const type = { started: 'info', good: 'success', bad: 'error' } as const;
  Notification.emit(text, type[outcome], { autoClose: SHOWN });
  const allowed =
    'Notification' in window && window.Notification.permission === 'granted';
  if (allowed && !document.hasFocus()) {
    // Of several pages that tell the same, one is shown.
    new window.Notification('JupyterLab', { body: text, tag: `ihpc ${key}` });
  }
}
