import React from 'react';
import type { Adapt } from '../wire';
import { NumberField } from './NumberField';

interface IProps {
  label: string;
  adapt: Adapt;
  maximum: number;
  disabled: boolean;
  onSet: (adapt: Adapt) => void;
}

/** Bounds between which workers follow the load. */
export function Range(props: IProps): React.ReactElement {
  const { label, adapt, maximum, disabled, onSet } = props;
  return (
    <span className="ihpc-Range" role="group" aria-label={label}>
      <NumberField
        label={`least ${label}`}
        value={adapt.minimum}
        minimum={0}
        maximum={adapt.maximum}
        disabled={disabled}
        onSet={minimum => onSet({ ...adapt, minimum })}
      />
      <span aria-hidden="true">–</span>
      <NumberField
        label={`most ${label}`}
        value={adapt.maximum}
        minimum={adapt.minimum}
        maximum={maximum}
        disabled={disabled}
        onSet={most => onSet({ ...adapt, maximum: most })}
      />
    </span>
  );
}
