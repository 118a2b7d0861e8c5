/**
 * environment.json as rows a person can read. Whatever it holds is shown: no field of it is known here, so that nothing
 * recorded is hidden. Bounded, because a report is not a log.
 */

export interface EnvironmentRow {
  /** "kernel.sysctls.net.core.somaxconn" */
  readonly path: string;
  readonly value: string;
}

const maxRows = 400;
const maxValueCharacters = 300;
const maxDepth = 12;

export function environmentRows(environment: unknown): EnvironmentRow[] {
  const rows: EnvironmentRow[] = [];
  flatten(environment, '', 0, rows);
  if (rows.length <= maxRows) return rows;
  return [
    ...rows.slice(0, maxRows),
    { path: '…', value: `${rows.length - maxRows} more in environment.json` },
  ];
}

/** A setting that is not the same in two environments; null: not recorded in that one. */
export interface EnvironmentDifference {
  readonly path: string;
  readonly first: string | null;
  readonly second: string | null;
}

export function environmentDifferences(first: unknown, second: unknown): EnvironmentDifference[] {
  const settings = (environment: unknown): Map<string, string> => {
    const rows: EnvironmentRow[] = [];
    flatten(environment, '', 0, rows);
    return new Map(rows.map(({ path, value }) => [path, value]));
  };
  const [ofFirst, ofSecond] = [settings(first), settings(second)];
  return [...new Set([...ofFirst.keys(), ...ofSecond.keys()])].flatMap((path) => {
    const [one, other] = [ofFirst.get(path) ?? null, ofSecond.get(path) ?? null];
    return one === other ? [] : [{ path, first: one, second: other }];
  });
}

function flatten(value: unknown, path: string, depth: number, rows: EnvironmentRow[]): void {
  if (value === null || typeof value !== 'object') {
    if (path !== '') rows.push({ path, value: clip(value === null ? 'not known' : String(value)) });
    return;
  }
  const entries = Object.entries(value);
  const scalars = entries.every(([, one]) => one === null || typeof one !== 'object');
  if (depth >= maxDepth) rows.push({ path, value: clip(JSON.stringify(value)) });
  else if (Array.isArray(value) && scalars) rows.push({ path, value: clip(value.join(', ')) });
  else if (entries.length === 0) rows.push({ path, value: 'none' });
  else for (const [key, one] of entries) flatten(one, path === '' ? key : `${path}.${key}`, depth + 1, rows);
}

function clip(text: string): string {
  return text.length <= maxValueCharacters ? text : `${text.slice(0, maxValueCharacters)}…`;
}
