import React from 'react';

interface IProps {
  name: string;
  note?: string;
  children: React.ReactNode;
}

/** A named input of a form, with a note where something is to be said. */
export function Field(props: IProps): React.ReactElement {
  return (
    <label className="ihpc-Field">
      <span className="ihpc-Field-name">{props.name}</span>
      {props.children}
      {props.note && <span className="ihpc-Field-note">{props.note}</span>}
    </label>
  );
}
