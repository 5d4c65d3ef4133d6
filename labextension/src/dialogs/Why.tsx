import React from 'react';
import { type IOffering, Offers } from '../components/Offers';
import type { Explanation } from '../wire';
import { showCopyable } from './Copyable';

/** Explains a job, with offers where it waits; *Copy* takes the explanation as text. */
export async function showWhy(
  answer: Explanation,
  offering: IOffering | null
): Promise<void> {
  // A dialog gives the focus back to where it was: what is taken comes after that.
  let taken = (): void => undefined;
  await showCopyable({
    title: `Job ${answer.job.id}: why?`,
    body: close => {
      const take = (act: () => void): void => {
        taken = act;
        close();
      };
      return (
        <Answer
          answer={answer}
          offering={
            offering && {
              ...offering,
              onCluster: offer => take(() => offering.onCluster(offer)),
              onUrgent: offer => take(() => offering.onUrgent(offer))
            }
          }
        />
      );
    },
    text: asText(answer)
  });
  taken();
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
    sentence,
    advice,
    ...facts.map(fact => `  ${fact.label}: ${fact.value}`),
    `  the batch system’s own word: ${code}`,
    ...commands
  ].join('\n');
}
