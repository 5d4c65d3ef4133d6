import React from 'react';
import { Glyph, type GlyphName } from './Glyph';

interface IProps {
  glyph: GlyphName;
  text: string;
  /** What a screen reader says and a pointer shows: the text with its object. */
  label: string;
  primary?: boolean;
  /** Apart from the others, at the line's end. */
  end?: boolean;
  disabled?: boolean;
  onClick: () => void;
}

/** A button of a drawing and a word; in a narrow side bar the drawing gives way. */
export function Action(props: IProps): React.ReactElement {
  const kind = props.primary ? ' ihpc-mod-primary' : '';
  const place = props.end ? ' ihpc-mod-end' : '';
  return (
    <button
      type="button"
      className={`ihpc-Action${kind}${place}`}
      title={props.label}
      aria-label={props.label}
      disabled={props.disabled}
      onClick={props.onClick}
    >
      <Glyph name={props.glyph} />
      <span className="ihpc-Action-text">{props.text}</span>
    </button>
  );
}
