import type { JupyterFrontEndPlugin } from '@jupyterlab/application';
import { IRenderMimeRegistry } from '@jupyterlab/rendermime';
import type { IRenderMime } from '@jupyterlab/rendermime-interfaces';
import { ReactWidget, UseSignal } from '@jupyterlab/ui-components';
import React from 'react';
import { actionsOf } from '../commands/actions';
import type { IActions } from '../components/actions';
import { OutputCard } from '../components/OutputCard';
import { Clock } from '../components/ticker';
import type { Store } from '../model/store';
import { IHpc } from '../tokens';

const MIME = 'application/vnd.ihpc.cluster+json';

// Before the Jupyter widgets' renderer (-10), whose views end with their kernel.
const RANK = -20;

/** A cluster's card as a notebook's output: fed by the store, so it outlives kernel and page. */
class CardRenderer extends ReactWidget implements IRenderMime.IRenderer {
  constructor(
    private readonly store: Store,
    private readonly actions: IActions
  ) {
    super();
    this.addClass('ihpc-View');
    this.addClass('ihpc-Output');
  }

  renderModel(model: IRenderMime.IMimeModel): Promise<void> {
    const data = model.data[MIME] as { name?: unknown } | undefined;
    this.cluster = typeof data?.name === 'string' ? data.name : '';
    this.update();
    return this.renderPromise ?? Promise.resolve();
  }

  protected render(): React.ReactElement {
    const { store, actions } = this;
    const now = (): number => store.now();
    return (
      <Clock.Provider value={now}>
        <UseSignal signal={store.changed}>
          {() => (
            <OutputCard name={this.cluster} store={store} actions={actions} />
          )}
        </UseSignal>
      </Clock.Provider>
    );
  }

  private cluster = '';
}

/** Shows `Cluster` objects in notebooks. */
export const rendererPlugin: JupyterFrontEndPlugin<void> = {
  id: 'ihpc-jupyter:renderer',
  description: 'Cards of clusters as outputs of notebooks.',
  autoStart: true,
  requires: [IHpc, IRenderMimeRegistry],
  activate: (app, store: Store, rendermime: IRenderMimeRegistry) => {
    const actions = actionsOf(app.commands, store);
    // Safe without trust: the output only names a cluster; what is shown comes from the server.
    rendermime.addFactory(
      {
        safe: true,
        mimeTypes: [MIME],
        createRenderer: () => new CardRenderer(store, actions)
      },
      RANK
    );
  }
};
