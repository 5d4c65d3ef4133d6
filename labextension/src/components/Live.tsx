import React from 'react';

const PAUSE = 5000;

/** Says a text to screen readers when it changes, at most each five seconds: counts may race. */
export function Live({ text }: { text: string }): React.ReactElement {
  const [said, say] = React.useState(text);
  const last = React.useRef(0);
  React.useEffect(() => {
    const wait = Math.max(0, last.current + PAUSE - Date.now());
    const timer = setTimeout(() => {
      last.current = Date.now();
      say(text);
    }, wait);
    return () => clearTimeout(timer);
  }, [text]);
  return (
    <span className="ihpc-Hidden" role="status" aria-live="polite">
      {said}
    </span>
  );
}
