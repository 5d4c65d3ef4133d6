import { ReactWidget, UseSignal } from '@jupyterlab/ui-components';
import type { IDisposable } from '@lumino/disposable';
import type { ISignal } from '@lumino/signaling';
import React from 'react';
import { Clock } from '../components/ticker';
import type { Store } from '../model/store';

/** What asks again and again while somebody looks. */
export interface ILive extends IDisposable {
  readonly changed: ISignal<unknown, void>;
  look(): void;
  rest(): void;
}

/** A pane of something live: behind others it asks for nothing. */
export class LivePane extends ReactWidget {
  constructor(
    private readonly store: Store,
    private readonly live: ILive,
    private readonly draw: () => React.ReactElement
  ) {
    super();
    this.addClass('ihpc-View');
    this.node.tabIndex = -1;
  }

  dispose(): void {
    this.live.dispose();
    super.dispose();
  }

  protected onAfterShow(): void {
    this.live.look();
  }

  protected onAfterAttach(): void {
    this.update();
    if (this.isVisible) {
      this.live.look();
    }
  }

  protected onBeforeHide(): void {
    this.live.rest();
  }

  protected render(): React.ReactElement {
    return (
      <Clock.Provider value={() => this.store.now()}>
        <UseSignal signal={this.live.changed}>{() => this.draw()}</UseSignal>
      </Clock.Provider>
    );
  }
}
