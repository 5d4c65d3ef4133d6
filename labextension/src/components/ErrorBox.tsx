import React from 'react';
import type { IhpcError } from '../errors';
import { Action } from './Action';
import { Glyph } from './Glyph';

interface IProps {
  error: IhpcError;
  onDismiss?: () => void;
}

/** A refused wish: the reason and what to do next, until it is read. */
export function ErrorBox({ error, onDismiss }: IProps): React.ReactElement {
  return (
    <div className="ihpc-Box ihpc-mod-error" role="alert">
      <Glyph name="failed" />
      <div className="ihpc-Box-text">
        <p className="ihpc-Box-message">{error.message}</p>
        {error.hint && <p>{error.hint}</p>}
      </div>
      {onDismiss && (
        <Action
          glyph="close"
          text=""
          label="Dismiss this message"
          onClick={onDismiss}
        />
      )}
    </div>
  );
}
