import React from 'react';
import { showCopyable } from './Copyable';

interface IOptions {
  title: string;
  /** A line above the text, with its own name: a command, a path. */
  line: { name: string; text: string };
  text: string;
  /** What to say where there is no text. */
  empty: string;
}

/** Shows a text to read and to copy. */
export async function showText(options: IOptions): Promise<void> {
  await showCopyable({
    title: options.title,
    body: <Reading {...options} />,
    text: options.text
  });
}

function Reading(props: IOptions): React.ReactElement {
  return (
    <div className="ihpc-Reading">
      <p>
        {props.line.name} <code>{props.line.text}</code>
      </p>
      <pre tabIndex={0} aria-label={props.title}>
        {props.text || props.empty}
      </pre>
    </div>
  );
}
