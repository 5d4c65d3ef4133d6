import { Clipboard, Dialog } from '@jupyterlab/apputils';
import type React from 'react';

const COPY = 0;
const WHILE = 2500;

interface IOptions {
  title: string;
  body: React.ReactElement | ((close: () => void) => React.ReactElement);
  /** What *Copy* takes, or what tells it then; where it is empty there is no such button. */
  text: string | (() => string);
}

/** Shows something to read; *Copy* takes its text and leaves the dialog open. */
export async function showCopyable(options: IOptions): Promise<void> {
  const { title, text } = options;
  const body =
    typeof options.body === 'function'
      ? options.body(() => dialog.reject())
      : options.body;
  const dialog: CopyableDialog = new CopyableDialog(title, body, text);
  await dialog.launch();
}

/**
 * Behind its last button a dialog goes on with what could have the focus when it was opened. What React draws comes
 * later: without this the keyboard would go round the buttons alone.
 */
export function comeRound(body: HTMLElement): void {
  body.tabIndex = -1;
}

class CopyableDialog extends Dialog<unknown> {
  constructor(title: string, body: React.ReactElement, text: IOptions['text']) {
    const close = Dialog.okButton({ label: 'Close' });
    const copy = Dialog.cancelButton({ label: 'Copy' });
    super({ title, body, buttons: text ? [copy, close] : [close] });
    this._text = text;
    const reading = this.node.querySelector<HTMLElement>('.jp-Dialog-body');
    if (reading) {
      comeRound(reading);
    }
    this._told.className = 'ihpc-Copied';
    this._told.setAttribute('role', 'status');
    this._told.setAttribute('aria-live', 'polite');
    this.node.querySelector('.jp-Dialog-button')?.before(this._told);
  }

  /** Whichever way a button is pressed comes through here. */
  resolve(index?: number): void {
    if (this._text && index === COPY) {
      this.copy();
    } else {
      super.resolve(index);
    }
  }

  dispose(): void {
    clearTimeout(this._timer);
    super.dispose();
  }

  private copy(): void {
    let heard = false;
    const hear = (): void => void (heard = true);
    document.addEventListener('copy', hear);
    const text = this._text;
    Clipboard.copyToSystem(typeof text === 'string' ? text : text());
    document.removeEventListener('copy', hear);
    this._told.textContent = heard
      ? 'Copied'
      : 'The browser did not copy: select the text instead.';
    clearTimeout(this._timer);
    this._timer = setTimeout(() => {
      this._told.textContent = '';
    }, WHILE);
  }

  private readonly _text: IOptions['text'];
  private readonly _told = document.createElement('span');
  private _timer: ReturnType<typeof setTimeout> | undefined;
}
