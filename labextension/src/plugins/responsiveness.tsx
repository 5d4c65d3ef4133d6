import {
  ILayoutRestorer,
  type JupyterFrontEnd,
  type JupyterFrontEndPlugin
} from '@jupyterlab/application';
import { ICommandPalette } from '@jupyterlab/apputils';
import { ILauncher } from '@jupyterlab/launcher';
import React from 'react';
import { Api } from '../api';
import { CommandIDs } from '../commands/ids';
import { Responsiveness } from '../components/Responsiveness';
import { responsivenessIcon } from '../icons';
import { Measuring } from '../model/measuring';
import type { Store } from '../model/store';
import { IHpc } from '../tokens';
import { LivePane } from './live';
import { addPane } from './panes';

/** The pane "Responsiveness": how long things take. */
export const responsivenessPlugin: JupyterFrontEndPlugin<void> = {
  id: 'ihpc-jupyter:responsiveness',
  description: 'Live charts of queue waits, answers, round trips and I/O.',
  autoStart: true,
  requires: [IHpc],
  optional: [ICommandPalette, ILauncher, ILayoutRestorer],
  activate: (
    app: JupyterFrontEnd,
    store: Store,
    palette: ICommandPalette | null,
    launcher: ILauncher | null,
    restorer: ILayoutRestorer | null
  ) => {
    addPane(
      { app, palette, launcher, restorer },
      {
        id: 'ihpc-responsiveness',
        command: CommandIDs.openResponsiveness,
        label: 'Responsiveness',
        hyphenated: 'Responsive\u00adness',
        caption: 'How long things take: queues, answers, round trips, I/O',
        icon: responsivenessIcon,
        failure: 'The pane cannot be opened',
        rank: 2,
        title: () => 'Responsiveness',
        make: () => {
          const measuring = new Measuring(
            new Api(app.serviceManager.serverSettings)
          );
          return new LivePane(store, measuring, () => (
            <Responsiveness measuring={measuring} store={store} />
          ));
        }
      }
    );
  }
};
