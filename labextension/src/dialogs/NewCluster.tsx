import { Dialog, ReactWidget } from '@jupyterlab/apputils';
import React from 'react';
import { NewClusterForm } from '../components/NewClusterForm';
import type { IDraft } from '../model/draft';
import type { IhpcError } from '../errors';
import type { SiteStatus } from '../wire';
import { comeRound } from './Copyable';
import { KeptFocus } from './KeptFocus';

/**
 * What the dialog gives the focus to: not before the page has nothing else to do, so perhaps long after the form
 * could be seen. Where a person is in it already, that is where the focus stays.
 */
const FIRST =
  '.ihpc-Form:not(:focus-within) input[name="name"], .ihpc-Form :focus';

/** Asks for a new cluster; null where the person thought better of it. */
export async function askNewCluster(
  sites: readonly SiteStatus[],
  taken: readonly string[],
  draft: IDraft,
  error: IhpcError | null
): Promise<IDraft | null> {
  const dialog = new KeptFocus<IDraft>({
    title: 'New cluster',
    body: new Body(sites, taken, draft, error),
    buttons: [
      Dialog.cancelButton(),
      Dialog.okButton({ label: 'Create cluster' })
    ],
    focusNodeSelector: FIRST
  });
  const answer = await dialog.launch();
  return answer.button.accept ? answer.value : null;
}

class Body extends ReactWidget implements Dialog.IBodyWidget<IDraft> {
  constructor(
    private readonly sites: readonly SiteStatus[],
    private readonly taken: readonly string[],
    private draft: IDraft,
    private readonly error: IhpcError | null
  ) {
    super();
    this.addClass('ihpc-NewCluster');
    comeRound(this.node);
  }

  getValue(): IDraft {
    return this.draft;
  }

  protected render(): React.ReactElement {
    return (
      <NewClusterForm
        sites={this.sites}
        taken={this.taken}
        first={this.draft}
        error={this.error}
        onChange={draft => (this.draft = draft)}
      />
    );
  }
}
