import React from 'react';
import { type IDraft, OWN } from '../model/draft';
import { shape as words } from '../model/words';
import type { Shape } from '../wire';
import { Field } from './Field';
import { Whole } from './Whole';

interface IProps {
  shapes: Record<string, Shape>;
  draft: IDraft;
  onChange: (next: Partial<IDraft>) => void;
}

const MIB = 2 ** 20;

/** What one job asks for: a shape of the site, or one's own. */
export function ShapeChoice(props: IProps): React.ReactElement {
  const { shapes, draft, onChange } = props;
  const { own } = draft;
  return (
    <>
      <Field name="Shape of a job">
        <select
          name="shape"
          className="ihpc-Input"
          value={draft.shape}
          onChange={event => onChange({ shape: event.target.value })}
        >
          {Object.entries(shapes).map(([name, shape]) => (
            <option key={name} value={name}>
              {name}: {words(shape)}
            </option>
          ))}
          <option value={OWN}>Other…</option>
        </select>
      </Field>
      {draft.shape === OWN && (
        <div className="ihpc-Row">
          <Whole
            name="Cores"
            value={own.cores}
            minimum={1}
            maximum={4096}
            onChange={cores => onChange({ own: { ...own, cores } })}
          />
          <Whole
            name="Memory (MiB)"
            value={Math.round(own.memory / MIB)}
            minimum={1}
            maximum={2 ** 30}
            onChange={n => onChange({ own: { ...own, memory: n * MIB } })}
          />
          <Whole
            name="GPUs"
            value={own.gpus}
            minimum={0}
            maximum={64}
            onChange={gpus => onChange({ own: { ...own, gpus } })}
          />
          <Whole
            name="Workers a job"
            value={own.processes}
            minimum={1}
            maximum={own.cores}
            onChange={processes => onChange({ own: { ...own, processes } })}
          />
        </div>
      )}
    </>
  );
}
