import React from 'react';
import { Disclosure } from './Disclosure';

interface IProps {
  command: string;
  /** Of what, where a view has several. */
  of?: string;
  label?: string;
}

/** Shows, on demand, the command that says the same in a terminal: people learn by it. */
export function TerminalCommand(props: IProps): React.ReactElement {
  const { command, of, label = 'The command that says the same' } = props;
  return (
    <Disclosure
      label={of ? `${label}: ${of}` : label}
      summary={
        <>
          Show the command
          {of && <span className="ihpc-Hidden"> for {of}</span>}
        </>
      }
    >
      <pre className="ihpc-Queue-command" tabIndex={0}>
        {command}
      </pre>
    </Disclosure>
  );
}
