import React from 'react';
import { showCopyable } from './Copyable';

interface IOptions {
  title: string;
  /** A line above the text, with its own name: a command, a path. */
  line: { name: string; text: string };
  text: string;
  /** What to say where there is no text. */
  empty: string;
  /** Begin at the end, as with a log. */
  fromEnd?: boolean;
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
  const text = React.useRef<HTMLPreElement>(null);
  React.useLayoutEffect(() => {
    if (props.fromEnd && text.current) {
      text.current.scrollTop = text.current.scrollHeight;
    }
  }, [props.fromEnd]);
  return (
    <div className="ihpc-Reading">
      <p>
        {props.line.name} <code>{props.line.text}</code>
      </p>
      <pre ref={text} tabIndex={0} aria-label={props.title}>
        {props.text || props.empty}
      </pre>
    </div>
  );
}
