import React from 'react';
import { ErrorBox } from '../components/ErrorBox';
import { Glyph } from '../components/Glyph';
import { type IOffering, Offers } from '../components/Offers';
import { Silence } from '../components/Silence';
import { IhpcError } from '../errors';
import type { Explanation } from '../wire';
import { showCopyable } from './Copyable';

/**
 * Explains a job, with offers where it waits; *Copy* takes the explanation as text. It opens at once and says that it
 * asks; *offering* is asked for once there is an answer.
 */
export async function showWhy(
  job: string,
  asked: Promise<Explanation>,
  offering: (answer: Explanation) => IOffering | null
): Promise<void> {
  // A dialog gives the focus back to where it was: what is taken comes after that.
  let taken = (): void => undefined;
  let text = `Job ${job}: the batch system has not answered yet.`;
  asked.then(
    answer => (text = asText(answer)),
    (reason: unknown) => (text = IhpcError.from(reason).message)
  );
  await showCopyable({
    title: `Job ${job}: why?`,
    body: close => (
      <Asked
        asked={asked}
        offering={answer => {
          const offers = offering(answer);
          const take = (act: () => void): void => {
            taken = act;
            close();
          };
          return (
            offers && {
              ...offers,
              onCluster: offer => take(() => offers.onCluster(offer)),
              onUrgent: offer => take(() => offers.onUrgent(offer))
            }
          );
        }}
      />
    ),
    text: () => text
  });
  taken();
}

/** The answer, or that it is asked for, or why there is none. */
function Asked(props: {
  asked: Promise<Explanation>;
  offering: (answer: Explanation) => IOffering | null;
}): React.ReactElement {
  const { asked } = props;
  const [answer, tell] = React.useState<Explanation | null>(null);
  const [error, fail] = React.useState<IhpcError | null>(null);
  React.useEffect(() => {
    asked.then(tell, (reason: unknown) => fail(IhpcError.from(reason)));
  }, [asked]);
  if (error) {
    return <ErrorBox error={error} />;
  }
  return answer === null ? (
    <p className="ihpc-Reading" role="status">
      <Glyph name="busy" /> Asking the batch system…
    </p>
  ) : (
    <Answer answer={answer} offering={props.offering(answer)} />
  );
}

interface IProps {
  answer: Explanation;
  offering: IOffering | null;
}

function Answer({ answer, offering }: IProps): React.ReactElement {
  const { job, sentence, facts, advice, code } = answer;
  const commands = [
    ...answer.commands,
    ...(offering ? [`ihpc why ${job.id} --offers`] : [])
  ];
  return (
    <div className="ihpc-Reading ihpc-Why">
      <Silence silence={answer.silence} at={answer.at} />
      <p>
        <b>{sentence}</b>
      </p>
      <p>{advice}</p>
      <div
        className="ihpc-Ways ihpc-Why-facts"
        role="region"
        aria-label="What this rests on"
        tabIndex={0}
      >
        <table>
          <caption className="ihpc-Hidden">What this rests on</caption>
          <tbody>
            {facts.map((fact, index) => (
              <tr key={index} className={fact.read ? '' : 'ihpc-mod-no'}>
                <th scope="row">{fact.label}</th>
                <td>{fact.value}</td>
              </tr>
            ))}
            <tr>
              <th scope="row">the batch system’s own word</th>
              <td>
                <code>{code}</code>
              </td>
            </tr>
          </tbody>
        </table>
      </div>
      {offering && <Offers {...offering} />}
      {commands.length > 0 && (
        <details className="ihpc-Disclosure">
          <summary>The same in a terminal</summary>
          <pre tabIndex={0} aria-label="Commands that say the same">
            {commands.join('\n')}
          </pre>
        </details>
      )}
      <p className="ihpc-Faint">
        {job.name}, {answer.category}, as it looked{' '}
        {new Date(answer.at * 1000).toLocaleString()}.
      </p>
    </div>
  );
}

function asText(answer: Explanation): string {
  const { job, sentence, facts, advice, code, commands } = answer;
  return [
    `Job ${job.id} (${job.name}): ${job.state}, ${answer.category}, ${new Date(answer.at * 1000).toISOString()}`,
    ...(answer.silence ? [answer.silence] : []),
    sentence,
    advice,
    ...facts.map(fact => `  ${fact.label}: ${fact.value}`),
    `  the batch system’s own word: ${code}`,
    ...commands
  ].join('\n');
}
