import React from 'react';
import { Field } from './Field';

interface IProps {
  name: string;
  value: number;
  minimum: number;
  maximum: number;
  onChange: (value: number) => void;
}

/** A whole number in a form. */
export function Whole(props: IProps): React.ReactElement {
  const { name, value, minimum, maximum } = props;
  const fits = value >= minimum && value <= maximum;
  return (
    <Field name={name} note={fits ? '' : `${minimum} to ${maximum}`}>
      <input
        type="number"
        className="ihpc-Input"
        min={minimum}
        max={maximum}
        step={1}
        value={value}
        aria-invalid={!fits}
        onChange={event => {
          const wish = event.target.valueAsNumber;
          if (Number.isInteger(wish)) {
            props.onChange(wish);
          }
        }}
      />
    </Field>
  );
}
