import React from 'react';

const SECOND = 1000;
const listeners = new Set<() => void>();
let timer: ReturnType<typeof setInterval> | undefined;

function tick(): void {
  if (!document.hidden) {
    listeners.forEach(listener => listener());
  }
}

/** Calls back each second, from the one timer of this page, which runs only while somebody listens. */
function onTick(listener: () => void): () => void {
  listeners.add(listener);
  timer ??= setInterval(tick, SECOND);
  return () => {
    listeners.delete(listener);
    if (!listeners.size) {
      clearInterval(timer);
      timer = undefined;
    }
  };
}

/** Renders the caller again each second while the element is on the screen. */
export function useTick(element: React.RefObject<Element>): void {
  const [, again] = React.useReducer((n: number) => n + 1, 0);
  React.useEffect(() => {
    let stop: (() => void) | undefined;
    const observer = new IntersectionObserver(entries => {
      stop?.();
      stop = undefined;
      if (entries.some(entry => entry.isIntersecting)) {
        again();
        stop = onTick(again);
      }
    });
    observer.observe(element.current!);
    return () => {
      observer.disconnect();
      stop?.();
    };
  }, [element]);
}

/** The server's clock, in seconds since 1970. */
export const Clock = React.createContext<() => number>(() => Date.now() / 1000);
