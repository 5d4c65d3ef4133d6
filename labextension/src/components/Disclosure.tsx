import React from 'react';

interface IProps {
  label: string;
  summary: React.ReactNode;
  children: React.ReactNode;
}

/** A line that opens; what is inside is rendered only while it is open. */
export function Disclosure(props: IProps): React.ReactElement {
  const [open, setOpen] = React.useState(false);
  return (
    <details
      className="ihpc-Disclosure"
      aria-label={props.label}
      open={open}
      onToggle={event => setOpen(event.currentTarget.open)}
    >
      <summary>{props.summary}</summary>
      {open && props.children}
    </details>
  );
}
