import React from 'react';
import { Glyph, type GlyphName } from './Glyph';

interface IProps {
  glyph: GlyphName;
  text: string;
  /** What a screen reader says and a pointer shows: the text with its object. */
  label: string;
  primary?: boolean;
  disabled?: boolean;
  onClick: () => void;
}

/** A button of a drawing and a word; in a narrow side bar the word gives way. */
export function Action(props: IProps): React.ReactElement {
  return (
    <button
      type="button"
      className={`ihpc-Action${props.primary ? ' ihpc-mod-primary' : ''}`}
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
