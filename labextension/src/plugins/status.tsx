import type {
  JupyterFrontEnd,
  JupyterFrontEndPlugin
} from '@jupyterlab/application';
import { IStatusBar } from '@jupyterlab/statusbar';
import { ReactWidget, UseSignal } from '@jupyterlab/ui-components';
import React from 'react';
import { CommandIDs } from '../commands/ids';
import { StatusItem } from '../components/StatusItem';
import { Clock } from '../components/ticker';
import type { Store } from '../model/store';
import { IHpc } from '../tokens';

/** Health, waiting workers and the most urgent run in the status bar. */
export const statusPlugin: JupyterFrontEndPlugin<void> = {
  id: 'ihpc-jupyter:status',
  description: 'Health of HPC sites and waiting workers in the status bar.',
  autoStart: true,
  requires: [IHpc, IStatusBar],
  activate: (app: JupyterFrontEnd, store: Store, statusBar: IStatusBar) => {
    const item = ReactWidget.create(
      <Clock.Provider value={() => store.now()}>
        <UseSignal signal={store.changed}>
          {() => (
            <StatusItem
              state={store.state}
              live={store.status.live}
              onClick={() => void app.commands.execute(CommandIDs.focusSideBar)}
            />
          )}
        </UseSignal>
      </Clock.Provider>
    );
    item.addClass('ihpc-StatusItem');
    statusBar.registerStatusItem('ihpc-jupyter:status', {
      item,
      align: 'left',
      rank: 5
    });
  }
};
