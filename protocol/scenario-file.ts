/**
 * A scenario file: YAML in, a checked `Scenario` out, or every problem at once as `FILE:LINE:COLUMN: path: what is;
 * wanted what`. Nothing is started on a file that has one.
 */

import { readFile, stat } from 'node:fs/promises';
import { factorNames } from './cell.ts';
import { nearest } from './did-you-mean.ts';
import { badInput, messageOf } from './failure.ts';
import { type Scenario, scenarioSchema } from './scenario.ts';
import { describeIssue } from './scenario-issue.ts';
import { maxFileBytes, type Path, type Position, pathText, readYaml, type Trouble } from './yaml-document.ts';

/** More would hide the first ones. */
const maxTroubles = 20;

export interface LoadedScenario {
  readonly scenario: Scenario;
  /** The text it was parsed from: what goes into the run folder. */
  readonly text: string;
}

/** @throws {Failure} exit status 2, every problem on a line of its own. */
export function parseScenario(text: string, fileName: string): Scenario {
  const yaml = readYaml(text);
  if (yaml.troubles.length > 0) throw scenarioFailure(fileName, yaml.troubles);
  if (yaml.value === null || yaml.value === undefined)
    throw scenarioFailure(fileName, [
      {
        position: { line: 1, column: 1 },
        path: '',
        text: 'the file is empty; wanted a scenario (see docs/scenarios.md)',
      },
    ]);
  const parsed = scenarioSchema.safeParse(yaml.value);
  if (parsed.success) return parsed.data;
  const troubles = parsed.error.issues.flatMap((issue) =>
    describeIssue(issue, yaml.value).map(({ path, isKey, text }): Trouble => {
      const position: Position = isKey ? yaml.keyPositionOf(path) : yaml.positionOf(path);
      return { position, path: pathText(path), text: path.length === 0 ? `the file ${text}` : text };
    }),
  );
  throw scenarioFailure(fileName, troubles);
}

/** Reads and parses. @throws {Failure} exit status 2. */
export async function loadScenario(path: string): Promise<LoadedScenario> {
  const text = await readScenarioText(path);
  return { scenario: parseScenario(text, path), text };
}

/** @throws {Failure} exit status 2 when it is no file that can be read, or a huge one. */
export async function readScenarioText(path: string): Promise<string> {
  try {
    const facts = await stat(path);
    if (!facts.isFile()) throw new Error('it is not a file');
    if (facts.size > maxFileBytes)
      throw new Error(`it has ${facts.size} bytes, at most ${maxFileBytes} are taken`);
    return await readFile(path, 'utf8');
  } catch (error) {
    throw badInput(
      `Cannot read the scenario "${path}": ${messageOf(error)}; wanted a YAML file (see scenarios/ and docs/scenarios.md).`,
    );
  }
}

/** What a person changes on the command line. */
export interface Overrides {
  readonly blocks?: number;
  readonly lab?: string;
  /** `FACTOR=LEVEL,LEVEL…` */
  readonly set?: readonly string[];
}

/**
 * The text with the overrides written into it, comments and order kept: so the run folder's scenario.yaml holds the
 * scenario as run. A text that is not YAML comes back as it is, for `parseScenario` to complain about.
 * @throws {Failure} exit status 2: no such factor, or no level.
 */
export function overrideScenario(text: string, overrides: Overrides): string {
  const set = (overrides.set ?? []).map(parseSet);
  const twice = set.find(({ path }, index) => set.slice(0, index).some((one) => one.path[1] === path[1]));
  if (twice !== undefined)
    throw badInput(
      `Cannot set "${twice.path[1]}" twice: wanted all its levels in one, e.g. --set ${twice.path[1]}=LEVEL,LEVEL.`,
    );
  const changes = [
    ...set,
    ...(overrides.blocks === undefined ? [] : [{ path: ['blocks'] as Path, value: overrides.blocks }]),
    ...(overrides.lab === undefined ? [] : [{ path: ['lab'] as Path, value: overrides.lab }]),
  ];
  const { document, troubles, value } = readYaml(text);
  if (changes.length === 0 || troubles.length > 0 || value === null) return text;
  const given = new Set(changes.map(({ path }) => path.at(-1)));
  // A loop is closed or open: setting the one takes the other out.
  if (given.has('rate') && !given.has('concurrency')) document.deleteIn(['factors', 'concurrency']);
  if (given.has('concurrency') && !given.has('rate')) document.deleteIn(['factors', 'rate']);
  for (const change of changes) {
    try {
      document.setIn(
        change.path,
        Array.isArray(change.value) ? document.createNode(change.value, { flow: true }) : change.value,
      );
    } catch {
      // What it would go into is not a map: `parseScenario` says so, with its line.
      return text;
    }
  }
  return document.toString({ lineWidth: 0 });
}

/** As in a file: 2000, 0.5, 1e3, .5e-2. */
const writtenNumber = /^[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?$/i;

function parseSet(argument: string): { path: Path; value: unknown } {
  const equals = argument.indexOf('=');
  const factor = argument.slice(0, equals).trim();
  const levels = argument
    .slice(equals + 1)
    .split(',')
    .map((level) => level.trim());
  if (equals < 1 || levels.some((level) => level === ''))
    throw badInput(
      `Cannot set "${argument}": wanted FACTOR=LEVEL or FACTOR=LEVEL,LEVEL…, e.g. --set cores=1,2.`,
    );
  if (!(factorNames as readonly string[]).includes(factor)) {
    const meant = nearest(factor, factorNames);
    throw badInput(
      `Cannot set "${argument}": there is no factor "${factor}"; wanted one of ${factorNames.join(', ')}` +
        `${meant === null ? '' : ` (did you mean "${meant}"?)`}.`,
    );
  }
  const values = levels.map((level) => (writtenNumber.test(level) ? Number(level) : level));
  return { path: ['factors', factor], value: values.length === 1 ? values[0] : values };
}

function scenarioFailure(fileName: string, troubles: readonly Trouble[]): Error {
  const sorted = [...troubles].sort(
    (a, b) => a.position.line - b.position.line || a.position.column - b.position.column,
  );
  const lines = sorted
    .slice(0, maxTroubles)
    .map(
      ({ position, path, text }) =>
        `${fileName}:${position.line}:${position.column}: ${path === '' ? '' : `${path}: `}${printable(text)}`,
    );
  if (sorted.length > maxTroubles) lines.push(`${fileName}: and ${sorted.length - maxTroubles} more`);
  return badInput(lines.join('\n'));
}

/** What a file says must not move the cursor of whoever reads about it. */
function printable(text: string): string {
  return text.replace(
    /\p{Cc}/gu,
    (character) => `\\u${(character.codePointAt(0) ?? 0).toString(16).padStart(4, '0')}`,
  );
}
