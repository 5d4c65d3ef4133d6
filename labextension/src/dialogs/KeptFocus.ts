import { Dialog } from '@jupyterlab/apputils';

/**
 * A dialog with a form in which the focus stays where the person is: when something behind it takes the focus (a
 * notebook that has just opened), JupyterLab's own dialog goes back to its first field, and what is being typed with it.
 */
export class KeptFocus<T> extends Dialog<T> {
  constructor(options: Partial<Dialog.IOptions<T>>) {
    super(options);
    this.node.addEventListener('focusin', event => {
      this.last = event.target as HTMLElement;
    });
  }

  handleEvent(event: Event): void {
    const outside =
      event.type === 'focus' && !this.node.contains(event.target as Node);
    if (outside && this.last && this.node.contains(this.last)) {
      event.stopPropagation();
      this.last.focus();
    } else {
      super.handleEvent(event);
    }
  }

  private last: HTMLElement | null = null;
}
