import React from 'react';

interface IProps {
  label: string;
  value: number;
  minimum: number;
  maximum: number;
  disabled?: boolean;
  onSet: (value: number) => void;
}

/** A whole number that applies on Enter (or its button) and reverts on Escape, so that no half-typed number is asked for. */
export function NumberField(props: IProps): React.ReactElement {
  const [draft, setDraft] = React.useState<string | null>(null);
  const { value, minimum, maximum } = props;
  const wish = Number(draft);
  const fits =
    Number.isInteger(wish) &&
    wish >= minimum &&
    wish <= maximum &&
    draft !== '';
  const set = (): void => {
    if (draft !== null && fits) {
      setDraft(null);
      if (wish !== value) {
        props.onSet(wish);
      }
    }
  };
  return (
    <span className="ihpc-Number">
      <input
        type="text"
        inputMode="numeric"
        role="spinbutton"
        className="ihpc-Input"
        aria-label={props.label}
        aria-valuemin={minimum}
        aria-valuemax={maximum}
        aria-valuenow={draft === null || !fits ? value : wish}
        aria-invalid={draft !== null && !fits}
        title={`${props.label}: ${minimum} to ${maximum}. Enter applies.`}
        size={4}
        disabled={props.disabled}
        value={draft ?? String(value)}
        onChange={event => setDraft(event.target.value.trim())}
        onKeyDown={event => {
          if (event.key === 'Enter') {
            set();
          } else if (event.key === 'Escape') {
            setDraft(null);
          } else if (event.key === 'ArrowUp' || event.key === 'ArrowDown') {
            event.preventDefault();
            const from = draft !== null && fits ? wish : value;
            const next = from + (event.key === 'ArrowUp' ? 1 : -1);
            setDraft(String(Math.min(maximum, Math.max(minimum, next))));
          }
        }}
      />
      {draft !== null && !fits && (
        <span className="ihpc-Number-bounds" role="status">
          {minimum} to {maximum}
        </span>
      )}
      {draft !== null && fits && wish !== value && (
        <button
          type="button"
          className="ihpc-Set"
          aria-label={`Set ${props.label} to ${wish}`}
          title="Apply (Enter)"
          onClick={set}
        >
          Set
        </button>
      )}
    </span>
  );
}
