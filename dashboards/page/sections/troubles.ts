/** What went wrong: connections that failed, by cause and variant, and attempts that came to nothing. */

import { plural } from '../../../coordinator/report/figures.ts';
import { causeWords } from '../../../coordinator/report/words.ts';
import type { Notice, RunOutline } from '../../../protocol/live-page.ts';
import type { FailureCause } from '../../../protocol/trial-record.ts';
import { element, type Tree } from '../tree.ts';
import type { Section, View } from '../view.ts';

const signs: Readonly<Record<Notice['kind'], string>> = { void: '↻', 'given-up': '✗', warning: '!' };

export const troubles: Section = {
  id: 'troubles',
  shows: (key) => ['run', 'troubles'].includes(key) || key.startsWith('cells/'),
  draw: ({ documents }) => {
    const run = documents.get('run');
    const told = documents.get('troubles');
    const lines = run === undefined ? [] : failureLines(run, documents);
    const attempts =
      told === undefined
        ? []
        : [
            ...(told.voidAttempts > 0 ? [`${plural(told.voidAttempts, 'attempt')} came to nothing`] : []),
            ...(told.givenUp > 0 ? [`${plural(told.givenUp, 'trial')} given up`] : []),
          ];
    const summary = [...lines, ...attempts];
    return [
      summary.length === 0
        ? element(
            'p',
            { class: 'quiet' },
            'No connection failed in a committed trial, and no attempt came to nothing.',
          )
        : element('ul', {}, ...summary.map((line) => element('li', {}, line))),
      ...(told === undefined || told.notices.length === 0 ? [] : [notices(told.notices, told.left)]),
    ];
  },
};

/** Over the committed trials of the cells that are followed. */
function failureLines(run: RunOutline, documents: View['documents']): string[] {
  return run.variants.flatMap((variant) => {
    const own = run.cells.flatMap(({ cell }, place) => {
      const figures = cell.variant === variant ? documents.at('cells', place) : undefined;
      return figures === undefined ? [] : [figures];
    });
    const said = (Object.keys(causeWords) as FailureCause[]).flatMap((cause) => {
      const count = own.reduce((sum, { failed }) => sum + failed[cause], 0);
      return count === 0 ? [] : [`${count.toLocaleString('en-US')} ${causeWords[cause]}`];
    });
    const missed = own.reduce((sum, figures) => sum + figures.missed, 0);
    if (missed > 0) said.push(`${missed.toLocaleString('en-US')} more were due when no slot was free`);
    if (said.length === 0) return [];
    const attempted = own.reduce((sum, figures) => sum + figures.attempted, 0).toLocaleString('en-US');
    return [`Of ${attempted} connections to ${variant}, ${said.join(', ')}`];
  });
}

function notices(list: readonly Notice[], left: number): Tree {
  const title = 'Warnings and lost attempts, the newest first';
  return element(
    'div',
    { class: 'notices', role: 'region', tabindex: 0, 'aria-label': title },
    element(
      'ol',
      {},
      ...[...list]
        .reverse()
        .map(({ at, kind, text }) =>
          element(
            'li',
            { class: kind },
            element('span', { class: 'quiet' }, `${signs[kind]} ${clockTime(at)} `),
            text,
          ),
        ),
    ),
    ...(left > 0 ? [element('p', { class: 'quiet' }, `${left} earlier ones are not kept here.`)] : []),
  );
}

/** Since the run began: 75 → "1:15". */
function clockTime(seconds: number): string {
  const whole = Math.max(0, Math.floor(seconds));
  const two = (value: number): string => String(value).padStart(2, '0');
  const hours = Math.floor(whole / 3600);
  const minutes = Math.floor(whole / 60) % 60;
  return hours > 0 ? `${hours}:${two(minutes)}:${two(whole % 60)}` : `${minutes}:${two(whole % 60)}`;
}
