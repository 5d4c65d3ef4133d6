import React from 'react';
import { type IDraft, onSite, shapeOf } from '../model/draft';
import type { IhpcError } from '../errors';
import type { SiteStatus } from '../wire';
import { ErrorBox } from './ErrorBox';
import { Field } from './Field';
import { LaneChoice } from './LaneChoice';
import { ShapeChoice } from './ShapeChoice';
import { SizeChoice } from './SizeChoice';

interface IProps {
  sites: readonly SiteStatus[];
  taken: readonly string[];
  first: IDraft;
  error: IhpcError | null;
  onChange: (draft: IDraft) => void;
}

const NAME = '[a-z0-9]([a-z0-9\\-]{0,30}[a-z0-9])?';

/** What a new cluster should be: name, site, lane, shape, size. */
export function NewClusterForm(props: IProps): React.ReactElement {
  const { sites, taken } = props;
  const [draft, setDraft] = React.useState(props.first);
  const status = sites.find(one => one.site.name === draft.site) ?? sites[0];
  const lane = status.site.lanes[draft.lane];
  const change = (next: Partial<IDraft>): void => {
    const changed = { ...draft, ...next };
    setDraft(changed);
    props.onChange(changed);
  };
  return (
    <div className="ihpc-Form">
      {props.error && <ErrorBox error={props.error} />}
      <Field name="Name" note={nameNote(draft.name, taken)}>
        <input
          name="name"
          className="ihpc-Input"
          value={draft.name}
          maxLength={32}
          required
          pattern={NAME}
          spellCheck={false}
          aria-invalid={nameNote(draft.name, taken) !== ''}
          onChange={event => change({ name: event.target.value })}
        />
      </Field>
      {sites.length > 1 && (
        <Field name="Site">
          <select
            name="site"
            className="ihpc-Input"
            value={draft.site}
            onChange={event => {
              const to = sites.find(s => s.site.name === event.target.value);
              change(onSite(to ?? status, draft));
            }}
          >
            {sites.map(({ site, health }) => (
              <option key={site.name} value={site.name}>
                {site.title || site.name} ({health})
              </option>
            ))}
          </select>
        </Field>
      )}
      <LaneChoice
        lanes={status.site.lanes}
        waits={status.waits}
        chosen={draft.lane}
        onChoose={name => change({ lane: name, minutes: null })}
      />
      <ShapeChoice
        shapes={status.site.shapes}
        draft={draft}
        onChange={change}
      />
      <SizeChoice
        draft={draft}
        lane={lane}
        shape={shapeOf(draft, status)}
        onChange={change}
      />
      {status.accounts.length > 0 && (
        <Field name="Account">
          <select
            name="account"
            className="ihpc-Input"
            value={draft.account}
            onChange={event => change({ account: event.target.value })}
          >
            {status.accounts.map(account => (
              <option key={account}>{account}</option>
            ))}
          </select>
        </Field>
      )}
    </div>
  );
}

function nameNote(name: string, taken: readonly string[]): string {
  if (taken.includes(name)) {
    return 'There is a cluster of this name.';
  }
  return new RegExp(`^${NAME}$`).test(name)
    ? ''
    : 'Lower-case letters, digits and hyphens.';
}
