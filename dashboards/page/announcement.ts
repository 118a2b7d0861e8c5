/** What is worth interrupting a listener for: a verdict that is another one than before, and the end. */

import type { Documents } from './documents.ts';

export interface Announcement {
  /** The same as long as there is nothing new to say. */
  readonly key: string;
  readonly text: string;
}

export function announcement(documents: Documents): Announcement | null {
  const run = documents.get('run');
  const answer = documents.get('answer');
  const ended = documents.get('ended');
  if (run === undefined) return null;
  if (ended !== undefined)
    return { key: `ended ${run.run}`, text: `The run is over: ${ended.state}. ${answer?.text ?? ''}` };
  if (answer === undefined) return null;
  const verdicts = run.conditions.flatMap((_, place) =>
    (documents.at('verdicts', place) ?? [])
      .filter(({ metric }) => metric === run.headline)
      .map(({ variant, verdict }) => `${variant} ${verdict}`),
  );
  return {
    key: `${run.run} ${verdicts.join(', ')}`,
    text: `After ${answer.blocks} of ${run.blocks} blocks: ${answer.text}`,
  };
}
