import { ReactWidget } from '@jupyterlab/ui-components';
import type { IDisposable } from '@lumino/disposable';
import type { Message } from '@lumino/messaging';
import type { Store } from '../model/store';

/** A view that keeps the jobs fresh while it can be seen; behind others it asks for nothing. */
export abstract class LookingWidget extends ReactWidget {
  constructor(protected readonly store: Store) {
    super();
  }

  dispose(): void {
    this.rest();
    super.dispose();
  }

  protected onAfterAttach(message: Message): void {
    super.onAfterAttach(message);
    if (this.isVisible) {
      this.look();
    }
  }

  protected onBeforeDetach(message: Message): void {
    this.rest();
    super.onBeforeDetach(message);
  }

  protected onAfterShow(message: Message): void {
    super.onAfterShow(message);
    this.look();
  }

  protected onAfterHide(message: Message): void {
    super.onAfterHide(message);
    this.rest();
  }

  private look(): void {
    this._looking ??= this.store.queues.look();
  }

  private rest(): void {
    this._looking?.dispose();
    this._looking = null;
  }

  private _looking: IDisposable | null = null;
}
