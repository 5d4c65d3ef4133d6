import React from 'react';
import { IhpcError } from '../errors';
import { inWords, sooner } from '../model/offers';
import { price } from '../model/runs';
import { roughly } from '../model/words';
import type { StartOffer, StartOffers } from '../wire';
import { Action } from './Action';
import { ErrorBox } from './ErrorBox';
import { Glyph } from './Glyph';
import { At } from './Heard';
import { Ago, In } from './Moment';
import { Expected } from './QueueTime';

/** What can be done with offers. */
export interface IOffering {
  load: () => Promise<StartOffers>;
  onCluster: (offer: StartOffer) => void;
  /** False where the offer is no urgent cell. */
  isUrgent: (offer: StartOffer) => boolean;
  onUrgent: (offer: StartOffer) => void;
}

/** "What would start sooner?": asked for by a button, for it is a question to the batch system. */
export function Offers(props: IOffering): React.ReactElement {
  const [told, tell] = React.useState<StartOffers | null>(null);
  const [error, fail] = React.useState<IhpcError | null>(null);
  const [asking, setAsking] = React.useState(false);
  const section = React.useRef<HTMLElement>(null);
  const ask = (): void => {
    // The button gives way to the answer: the keyboard stays here, and with it in the dialog.
    section.current?.focus();
    setAsking(true);
    props
      .load()
      .then(
        answer => {
          tell(answer);
          fail(null);
        },
        (reason: unknown) => fail(IhpcError.from(reason))
      )
      .finally(() => setAsking(false));
  };
  return (
    <section
      ref={section}
      className="ihpc-Offers"
      aria-label="What would start sooner?"
      tabIndex={-1}
    >
      {told === null && (
        <div>
          <Action
            glyph={asking ? 'busy' : 'plan'}
            text={asking ? 'Asking…' : 'What would start sooner?'}
            label="Ask the batch system what would start sooner"
            disabled={asking}
            onClick={ask}
          />
        </div>
      )}
      <div role="status">
        {error && <ErrorBox error={error} />}
        {told && <Table told={told} {...props} />}
      </div>
    </section>
  );
}

function Table(props: IOffering & { told: StartOffers }): React.ReactElement {
  const { told } = props;
  return (
    <>
      {told.silence && (
        <p className="ihpc-Queue-detail" title={told.silence}>
          <Glyph name="warning" /> The batch system does not answer: shown is
          what it told <Ago at={told.at} />.
        </p>
      )}
      <div className="ihpc-Ways" role="region" aria-label="Offers" tabIndex={0}>
        <table>
          <caption className="ihpc-Hidden">
            When it would start, as asked and otherwise
          </caption>
          <thead>
            <tr>
              <th scope="col">Offer</th>
              <th scope="col">Expected start</th>
              <th scope="col">Price at most</th>
              <th scope="col">Take it</th>
            </tr>
          </thead>
          <tbody>
            {told.offers.map(one => (
              <Row key={one.what} one={one} {...props} />
            ))}
          </tbody>
        </table>
      </div>
      <p className="ihpc-Faint">
        What the batch system itself expected at <At at={told.at} /> of each,
        submitted {told.silence ? 'then' : 'now'}
        {told.job_start !== null && (
          <>
            ; this job itself is expected{' '}
            <Expected at={told.job_start} held={held(told)} />
          </>
        )}
        .
        {told.offers.some(one => one.site !== told.site) &&
          ' Another site was asked about one way, with your usual account there.'}{' '}
        Jobs that end early or come first change it. Nothing was submitted:
        cancel this job when you take another way.
      </p>
    </>
  );
}

function Row(
  props: IOffering & { told: StartOffers; one: StartOffer }
): React.ReactElement {
  const { one, told } = props;
  const before = sooner(one, told);
  return (
    <tr className={before === null ? '' : 'ihpc-mod-chosen'}>
      <th scope="row">
        {one.what}
        {before !== null && <span className="ihpc-Chip">sooner</span>}
        <span className="ihpc-Faint">{inWords(one, told)}</span>
      </th>
      <td>
        {one.expected_start === null ? (
          <span title={one.told}>
            <Glyph name="unknown" /> not told
            <span className="ihpc-Faint"> {one.told}</span>
          </span>
        ) : (
          <>
            {told.silence ? (
              <Expected at={one.expected_start} held={held(told)} />
            ) : (
              <In at={one.expected_start} late="at once" />
            )}
            {before !== null && (
              <span className="ihpc-Faint"> {roughly(before)} sooner</span>
            )}
          </>
        )}
      </td>
      <td>{price(one.price)}</td>
      <td>
        <span className="ihpc-Offers-take">
          <Action
            glyph="plus"
            text="Cluster…"
            label={`New cluster as offered: ${one.what}`}
            onClick={() => props.onCluster(one)}
          />
          {props.isUrgent(one) && (
            <Action
              glyph="urgent"
              text="%%urgent"
              label={`An urgent cell as offered: ${one.what}`}
              onClick={() => props.onUrgent(one)}
            />
          )}
        </span>
      </td>
    </tr>
  );
}

/** Starts that were expected before a silence stand as they were told. */
function held(told: StartOffers): number | null {
  return told.silence ? told.at : null;
}
