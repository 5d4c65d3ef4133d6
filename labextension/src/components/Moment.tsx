import React from 'react';
import { roughly } from '../model/words';
import { Clock, useTick } from './ticker';

interface IProps {
  at: number;
  /** The words for so many seconds from now (negative: ago). */
  say: (seconds: number) => React.ReactNode;
}

/** A moment in words that keep up with the time while somebody can see them. */
export function Moment(props: IProps): React.ReactElement {
  const element = React.useRef<HTMLTimeElement>(null);
  const now = React.useContext(Clock);
  useTick(element);
  return (
    <time
      ref={element}
      dateTime={new Date(props.at * 1000).toISOString()}
      title={new Date(props.at * 1000).toLocaleString()}
    >
      {props.say(props.at - now())}
    </time>
  );
}

/** "12 s ago". */
export function Ago(props: { at: number }): React.ReactElement {
  return (
    <Moment
      at={props.at}
      say={s => (s > -1.5 ? 'just now' : `${roughly(-s)} ago`)}
    />
  );
}

/** "in 3 min", and *late* once the moment has passed. */
export function In(props: { at: number; late: string }): React.ReactElement {
  return (
    <Moment
      at={props.at}
      say={s => (s > 0 ? `in ${roughly(s)}` : props.late)}
    />
  );
}
