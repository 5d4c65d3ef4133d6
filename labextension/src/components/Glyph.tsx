import React from 'react';

// Outlines on a 16 × 16 grid, drawn with the colour of the text beside them.
const PATHS = {
  ok: 'M8 1.8a6.2 6.2 0 1 0 0 12.4A6.2 6.2 0 0 0 8 1.8M5.2 8.2l2 2 3.7-4.2',
  wait: 'M8 1.8a6.2 6.2 0 1 0 0 12.4A6.2 6.2 0 0 0 8 1.8M8 4.6V8l2.4 1.6',
  warning: 'M8 2.2 14.3 13H1.7zM8 6.4v3M8 11.2v.2',
  failed:
    'M8 1.8a6.2 6.2 0 1 0 0 12.4A6.2 6.2 0 0 0 8 1.8M5.8 5.8l4.4 4.4M10.2 5.8l-4.4 4.4',
  unknown:
    'M8 1.8a6.2 6.2 0 1 0 0 12.4A6.2 6.2 0 0 0 8 1.8M6.2 6.3a1.8 1.8 0 1 1 2.5 1.7c-.5.2-.7.5-.7 1M8 11.2v.2',
  play: 'M4.5 2.8 12.8 8l-8.3 5.2z',
  stopped: 'M3.6 3.6h8.8v8.8H3.6z',
  busy: 'M8 1.8a6.2 6.2 0 1 1-6.2 6.2',
  plus: 'M8 3v10M3 8h10',
  minus: 'M3 8h10',
  code: 'M5.5 4.2 1.8 8l3.7 3.8M10.5 4.2 14.2 8l-3.7 3.8',
  chart: 'M2 2.5v11.3h12M4.8 10.6l2.7-3.4 2.3 2L13.4 5',
  script: 'M3.5 1.8h6l3 3v9.4h-9zM9.3 2v3h3M5.7 8.2h4.6M5.7 11h4.6',
  retry: 'M13.6 8a5.6 5.6 0 1 1-1.7-4M12.2 1.4v2.9H9.3',
  forget: 'M2.6 4.2h10.8M6.2 4V2.4h3.6V4M4.2 4.4l.6 9.2h6.4l.6-9.2',
  check: 'M2.6 8.4 6.2 12l7.2-8',
  copy: 'M5.4 5.2h8v8.6h-8zM10.6 5V2.2h-8v8.6h2.6',
  plan: 'M2.6 3.6h1.2M2.6 8h1.2M2.6 12.4h1.2M6.4 3.6h7M6.4 8h7M6.4 12.4h7',
  urgent: 'M9.2 1.6 3.4 9h3.8l-.6 5.4L12.6 7H8.6z',
  lock: 'M3.6 7.2h8.8v6.6H3.6zM5.2 7V5.2a2.8 2.8 0 0 1 5.6 0V7',
  close: 'M4 4l8 8M12 4l-8 8'
} as const;

export type GlyphName = keyof typeof PATHS;

/** A small drawing beside a word; never instead of one. */
export function Glyph(props: { name: GlyphName }): React.ReactElement {
  return (
    <svg
      className={`ihpc-Glyph ihpc-mod-${props.name}`}
      viewBox="0 0 16 16"
      width="14"
      height="14"
      aria-hidden="true"
      focusable="false"
    >
      <path d={PATHS[props.name]} />
    </svg>
  );
}
