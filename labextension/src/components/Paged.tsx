import React from 'react';

interface IProps<T> {
  label: string;
  items: readonly T[];
  children: (item: T, before: T | undefined) => React.ReactNode;
}

// A long list is read in parts: the page must stay quick with thousands of jobs.
const PAGE = 100;

/** A list of jobs, at most a page of it at a time. */
export function Paged<T>(props: IProps<T>): React.ReactElement {
  const { items } = props;
  const [wish, turn] = React.useState(0);
  const top = React.useRef<HTMLDivElement>(null);
  // The list may have become shorter meanwhile.
  const last = Math.max(0, Math.ceil(items.length / PAGE) - 1) * PAGE;
  const from = Math.min(wish, last);
  const more = items.length - from - PAGE;
  React.useLayoutEffect(() => {
    if (wish > 0) {
      top.current?.scrollIntoView({ block: 'start' });
    }
  }, [wish]);
  return (
    <div ref={top}>
      {from > 0 && (
        <button
          type="button"
          className="ihpc-Link"
          onClick={() => turn(from - PAGE)}
        >
          {from} before
        </button>
      )}
      <ul className="ihpc-Jobs" aria-label={props.label}>
        {items
          .slice(from, from + PAGE)
          .map((item, index) => props.children(item, items[from + index - 1]))}
      </ul>
      {more > 0 && (
        <button
          type="button"
          className="ihpc-Link"
          title={`The next ${Math.min(PAGE, more)}`}
          onClick={() => turn(from + PAGE)}
        >
          and {more.toLocaleString('en')} more
        </button>
      )}
    </div>
  );
}
