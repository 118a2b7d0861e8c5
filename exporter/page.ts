/** The tables of `docs/metrics.md`, from the declarations; a test compares, `npm run dashboards` writes. */

import { type Declarations, services } from './declarations/declaration.ts';
import { liveDeclarations } from './declarations/live.ts';
import { memberDeclarations } from './declarations/member.ts';
import { modelDeclarations } from './declarations/model.ts';
import { processDeclarations } from './declarations/process.ts';
import { runDeclarations } from './declarations/run.ts';
import { trialDeclarations } from './declarations/trials.ts';
import { labelMeanings } from './labels.ts';

const groups: readonly (readonly [title: string, declarations: Declarations])[] = [
  ['A run', runDeclarations],
  ['Committed trials', trialDeclarations],
  ['What is modelled', modelDeclarations],
  ['The moment, as the coordinator sees it', liveDeclarations],
  ['A member, as it knows itself', memberDeclarations],
  ['Every exporter', processDeclarations],
];

export const beginMark = '<!-- written by npm run dashboards: from here -->';
export const endMark = '<!-- to here -->';

/** What stands between the marks. */
export function metricTables(): string {
  return [
    ...groups.map(([title, declarations]) => `### ${title}\n\n${table(declarations)}`),
    `### Labels\n\n${labels()}`,
  ].join('\n\n');
}

function table(declarations: Declarations): string {
  const rows = Object.entries(declarations).map(([name, { kind, unit, labels: names, by, help }]) =>
    [
      `\`${name}\``,
      kind,
      unit,
      names.map((label) => `\`${label}\``).join(' ') || '–',
      by.length === services.length ? 'all' : by.join(', '),
      help,
    ].join(' | '),
  );
  return [
    '| metric | kind | unit | labels | by | what it says |',
    '|---|---|---|---|---|---|',
    ...rows.map((row) => `| ${row} |`),
  ].join('\n');
}

function labels(): string {
  const rows = Object.entries(labelMeanings).map(([name, { meaning, values }]) => {
    const all = typeof values === 'string' ? values : values.map((value) => `\`${value}\``).join(' ');
    return `| \`${name}\` | ${meaning} | ${all} |`;
  });
  return ['| label | meaning | values |', '|---|---|---|', ...rows].join('\n');
}
