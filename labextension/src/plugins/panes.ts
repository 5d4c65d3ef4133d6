import type { ILayoutRestorer, JupyterFrontEnd } from '@jupyterlab/application';
import {
  type ICommandPalette,
  MainAreaWidget,
  WidgetTracker
} from '@jupyterlab/apputils';
import type { ILauncher } from '@jupyterlab/launcher';
import type { LabIcon } from '@jupyterlab/ui-components';
import type { Widget } from '@lumino/widgets';
import { chooseCluster } from '../commands/choose';
import { CATEGORY, type ICommandArgs } from '../commands/ids';
import { register } from '../commands/register';
import type { Store } from '../model/store';
import type { ClusterView } from '../wire';

/** Where a pane can be opened from, as far as the application has it. */
export interface IPlaces {
  app: JupyterFrontEnd;
  palette: ICommandPalette | null;
  launcher: ILauncher | null;
  restorer: ILayoutRestorer | null;
}

/** A kind of pane in the main area: one in all, or one for each thing of a kind. */
export interface IPaneKind<T extends Widget> {
  /** The id of the only pane, the prefix of the ids of several. */
  id: string;
  command: string;
  label: string;
  /** The same for the launcher's narrow cards: soft hyphens say where it may break. */
  hyphenated?: string;
  caption: string;
  icon: LabIcon;
  failure: string;
  /** Its place in the launcher; left out where it is not there. */
  rank?: number;
  /** Beside what is there, instead of over it. */
  beside?: boolean;
  title: (of: string) => string;
  make: (of: string) => T;
  /** Of which thing; null where nobody says. Left out where there is but one pane. */
  choose?: (args: ICommandArgs) => Promise<string | null>;
}

/** Adds a command that opens such a pane, or shows the one that is open; panes come back with the page. */
export function addPane<T extends Widget>(
  { app, palette, launcher, restorer }: IPlaces,
  kind: IPaneKind<T>
): WidgetTracker<MainAreaWidget<T>> {
  const { id: prefix, command, label, icon, choose } = kind;
  const panes = new WidgetTracker<MainAreaWidget<T>>({ namespace: prefix });
  const open = (of: string): void => {
    const id = prefix + of;
    let pane = panes.find(one => one.id === id);
    if (!pane) {
      pane = new MainAreaWidget({ content: kind.make(of) });
      pane.id = id;
      pane.title.label = kind.title(of);
      pane.title.icon = icon;
      pane.title.closable = true;
      app.shell.add(pane, 'main', kind.beside ? { mode: 'split-right' } : {});
      void panes.add(pane);
    }
    app.shell.activateById(pane.id);
  };
  register(app, palette, [
    {
      id: command,
      label: args => (args.isLauncher && kind.hyphenated) || label,
      caption: kind.caption,
      icon,
      failure: kind.failure,
      execute: async args => {
        const of = choose ? await choose(args) : '';
        if (of !== null) {
          open(of);
        }
      }
    }
  ]);
  if (kind.rank !== undefined) {
    launcher?.add({
      command,
      args: { isLauncher: true },
      category: CATEGORY,
      rank: kind.rank
    });
  }
  void restorer?.restore(panes, {
    command,
    args: pane => (choose ? { name: pane.id.slice(prefix.length) } : {}),
    name: pane => pane.id
  });
  return panes;
}

/**
 * Panes of clusters: the one that is named, or one of those that fit. When a page comes back, nothing may be known yet,
 * and a cluster may be gone: its pane then stays away, for JupyterLab would wait for who answers a dialog.
 */
export function choosing(
  app: JupyterFrontEnd,
  store: Store,
  title: string,
  fits: (cluster: ClusterView) => boolean
): (args: ICommandArgs) => Promise<string | null> {
  let restoring = true;
  void app.restored.then(() => {
    restoring = false;
  });
  return async ({ name }) => {
    if (name !== undefined && store.state.revision < 0) {
      return name;
    }
    if (name !== undefined && restoring && !store.cluster(name)) {
      return null;
    }
    return (await chooseCluster(store, name, title, fits))?.name ?? null;
  };
}

/**
 * Closes panes of clusters that are gone, also of those that came back with the page: these only once it is restored,
 * for a pane that goes meanwhile leaves JupyterLab restoring for ever.
 */
export function closeWhenGone<T extends Widget>(
  app: JupyterFrontEnd,
  panes: WidgetTracker<MainAreaWidget<T>>,
  store: Store,
  prefix: string
): void {
  const close = (): void => {
    if (store.state.revision >= 0) {
      panes
        .filter(pane => !store.cluster(pane.id.slice(prefix.length)))
        .forEach(pane => pane.dispose());
    }
  };
  void app.restored.then(() => {
    store.changed.connect(close);
    close();
  });
}
