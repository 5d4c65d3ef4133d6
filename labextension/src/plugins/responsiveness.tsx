import {
  ILayoutRestorer,
  type JupyterFrontEnd,
  type JupyterFrontEndPlugin
} from '@jupyterlab/application';
import {
  ICommandPalette,
  MainAreaWidget,
  WidgetTracker
} from '@jupyterlab/apputils';
import { ILauncher } from '@jupyterlab/launcher';
import { ReactWidget, UseSignal } from '@jupyterlab/ui-components';
import React from 'react';
import { Api } from '../api';
import { CATEGORY, CommandIDs } from '../commands/ids';
import { register } from '../commands/register';
import { Responsiveness } from '../components/Responsiveness';
import { Clock } from '../components/ticker';
import { responsivenessIcon } from '../icons';
import { Measuring } from '../model/measuring';
import type { Store } from '../model/store';
import { IHpc } from '../tokens';

class Pane extends ReactWidget {
  constructor(
    private readonly store: Store,
    private readonly measuring: Measuring
  ) {
    super();
    this.addClass('ihpc-View');
    this.node.tabIndex = -1;
  }

  dispose(): void {
    this.measuring.dispose();
    super.dispose();
  }

  protected onAfterShow(): void {
    this.measuring.look();
  }

  protected onAfterAttach(): void {
    this.update();
    if (this.isVisible) {
      this.measuring.look();
    }
  }

  protected onBeforeHide(): void {
    this.measuring.rest();
  }

  protected render(): React.ReactElement {
    return (
      <Clock.Provider value={() => this.store.now()}>
        <UseSignal signal={this.measuring.changed}>
          {() => <Responsiveness measuring={this.measuring} />}
        </UseSignal>
      </Clock.Provider>
    );
  }
}

/** How long things take, live, as a pane of the main area. */
export const responsivenessPlugin: JupyterFrontEndPlugin<void> = {
  id: 'ihpc-jupyter:responsiveness',
  description: 'Live charts of queue waits, answers, round trips and I/O.',
  autoStart: true,
  requires: [IHpc],
  optional: [ICommandPalette, ILayoutRestorer, ILauncher],
  activate: (
    app: JupyterFrontEnd,
    store: Store,
    palette: ICommandPalette | null,
    restorer: ILayoutRestorer | null,
    launcher: ILauncher | null
  ) => {
    const panes = new WidgetTracker<MainAreaWidget<Pane>>({
      namespace: 'ihpc-responsiveness'
    });
    const open = (): void => {
      let pane = panes.currentWidget;
      if (!pane || pane.isDisposed) {
        const source = new Api(app.serviceManager.serverSettings);
        const content = new Pane(store, new Measuring(source));
        pane = new MainAreaWidget({ content });
        pane.id = 'ihpc-responsiveness';
        pane.title.label = 'Responsiveness';
        pane.title.icon = responsivenessIcon;
        pane.title.closable = true;
        app.shell.add(pane, 'main');
        void panes.add(pane);
      }
      app.shell.activateById(pane.id);
    };
    register(app, palette, [
      {
        id: CommandIDs.openResponsiveness,
        label: 'Responsiveness',
        caption: 'How long things take: queues, answers, round trips, I/O',
        icon: responsivenessIcon,
        failure: 'The pane cannot be opened',
        execute: open
      }
    ]);
    launcher?.add({
      command: CommandIDs.openResponsiveness,
      category: CATEGORY
    });
    if (restorer) {
      void restorer.restore(panes, {
        command: CommandIDs.openResponsiveness,
        name: () => 'responsiveness'
      });
    }
  }
};
