import { Dialog, showDialog } from '@jupyterlab/apputils';
import React from 'react';
import { ErrorBox } from '../components/ErrorBox';
import { IhpcError } from '../errors';

/** Shows why something could not be done, and what to do next. */
export async function showFailure(
  title: string,
  error: unknown
): Promise<void> {
  await showDialog({
    title,
    body: <ErrorBox error={IhpcError.from(error)} />,
    buttons: [Dialog.okButton({ label: 'Close' })]
  });
}
