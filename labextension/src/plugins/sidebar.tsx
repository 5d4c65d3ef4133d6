import {
  ILayoutRestorer,
  type JupyterFrontEnd,
  type JupyterFrontEndPlugin
} from '@jupyterlab/application';
import { ICommandPalette } from '@jupyterlab/apputils';
import { UseSignal } from '@jupyterlab/ui-components';
import React from 'react';
import { actionsOf } from '../commands/actions';
import { CommandIDs } from '../commands/ids';
import { register } from '../commands/register';
import type { IActions } from '../components/actions';
import { SideBar } from '../components/SideBar';
import { Clock } from '../components/ticker';
import { hpcIcon } from '../icons';
import type { Store } from '../model/store';
import { IHpc } from '../tokens';
import { LookingWidget } from './looking';

class SideBarWidget extends LookingWidget {
  constructor(
    store: Store,
    private readonly actions: IActions
  ) {
    super(store);
    this.id = 'ihpc-sidebar';
    this.title.icon = hpcIcon;
    this.title.caption = 'HPC: clusters on the batch system';
    this.addClass('ihpc-View');
    this.node.setAttribute('role', 'region');
    this.node.setAttribute('aria-label', 'HPC');
    this.node.tabIndex = -1;
  }

  protected render(): React.ReactElement {
    const now = (): number => this.store.now();
    return (
      <Clock.Provider value={now}>
        <UseSignal signal={this.store.changed}>
          {() => <SideBar store={this.store} actions={this.actions} />}
        </UseSignal>
      </Clock.Provider>
    );
  }

  protected onActivateRequest(): void {
    const first = this.node.querySelector<HTMLElement>('.ihpc-mod-primary');
    (first ?? this.node).focus();
  }
}

/** The left side bar "HPC". */
export const sideBarPlugin: JupyterFrontEndPlugin<void> = {
  id: 'ihpc-jupyter:sidebar',
  description: 'Side bar with HPC sites and Dask clusters.',
  autoStart: true,
  requires: [IHpc],
  optional: [ICommandPalette, ILayoutRestorer],
  activate: (
    app: JupyterFrontEnd,
    store: Store,
    palette: ICommandPalette | null,
    restorer: ILayoutRestorer | null
  ) => {
    const actions = actionsOf(app.commands, store);
    const widget = new SideBarWidget(store, actions);
    app.shell.add(widget, 'left', { rank: 350, type: 'HPC' });
    restorer?.add(widget, widget.id);
    register(app, palette, [
      {
        id: CommandIDs.focusSideBar,
        label: 'Show HPC Side Bar',
        caption: 'Go to the side bar with sites and clusters',
        failure: 'The side bar cannot be shown',
        execute: () => app.shell.activateById(widget.id)
      }
    ]);
  }
};
