import React from 'react';
import { Glyph } from './Glyph';
import { NumberField } from './NumberField';

interface IProps {
  label: string;
  value: number;
  maximum: number;
  disabled: boolean;
  onSet: (value: number) => void;
}

/** How many workers there should be: fewer, a number, more. */
export function Stepper(props: IProps): React.ReactElement {
  const { label, value, maximum, disabled, onSet } = props;
  return (
    <span className="ihpc-Stepper" role="group" aria-label={label}>
      <button
        type="button"
        className="ihpc-Step"
        aria-label={`Fewer ${label}`}
        title="One worker fewer"
        disabled={disabled || value <= 0}
        onClick={() => onSet(value - 1)}
      >
        <Glyph name="minus" />
      </button>
      <NumberField
        label={label}
        value={value}
        minimum={0}
        maximum={maximum}
        disabled={disabled}
        onSet={onSet}
      />
      <button
        type="button"
        className="ihpc-Step"
        aria-label={`More ${label}`}
        title={
          value >= maximum ? `The lane allows ${maximum}` : 'One worker more'
        }
        disabled={disabled || value >= maximum}
        onClick={() => onSet(value + 1)}
      >
        <Glyph name="plus" />
      </button>
    </span>
  );
}
