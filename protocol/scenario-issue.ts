/** What zod found wrong with a scenario, said as what is and what is wanted. */

import type { z } from 'zod';
import { nearest } from './did-you-mean.ts';
import { scenarioKeys } from './scenario.ts';
import { variantNames } from './variant-catalogue.ts';
import type { Path } from './yaml-document.ts';

export interface DescribedIssue {
  readonly path: Path;
  /** True when it is about the key itself and not about its value. */
  readonly isKey: boolean;
  readonly text: string;
}

type Issue = z.core.$ZodIssue;

/** One line an unknown key, one line for anything else. `root` is what was parsed. */
export function describeIssue(issue: Issue, root: unknown, base: Path = []): DescribedIssue[] {
  const path = [...base, ...(issue.path as Path)];
  const value = valueAt(root, path);
  const says = (text: string): DescribedIssue[] => [{ path, isKey: false, text }];
  switch (issue.code) {
    case 'unrecognized_keys':
      return issue.keys.map((key) => unknownKey(path, key));
    case 'invalid_union': {
      // One level or a list of them: what was written says which was meant.
      const meant = issue.errors[Array.isArray(value) ? issue.errors.length - 1 : 0] ?? [];
      return meant.flatMap((inner) => describeIssue(inner, root, path));
    }
    case 'invalid_type':
      return says(
        value === undefined
          ? `is missing; wanted ${typeWords[issue.expected] ?? issue.expected}`
          : `is ${shown(value)}; wanted ${typeWords[issue.expected] ?? issue.expected}${unitHint(path, value)}`,
      );
    case 'invalid_value': {
      const names = issue.values.map(String);
      const meant = typeof value === 'string' ? nearest(value, names) : null;
      return says(`is ${shown(value)}; wanted ${oneOf(names)}${meantWords(meant)}`);
    }
    case 'too_small':
      return says(
        issue.origin === 'array'
          ? 'is empty; wanted one level or more'
          : `is ${shown(value)}; wanted ${issue.inclusive === false ? 'more than' : 'at least'} ${issue.minimum}`,
      );
    case 'too_big':
      return says(
        issue.origin === 'array' || issue.origin === 'string'
          ? `is too long; wanted at most ${issue.maximum} ${issue.origin === 'array' ? 'entries' : 'characters'}`
          : `is ${shown(value)}; wanted ${issue.inclusive === false ? 'less than' : 'at most'} ${issue.maximum}`,
      );
    case 'invalid_format':
      return says(`is ${shown(value)}; ${issue.message}`);
    default: {
      const isName = path.includes('variant') || path[0] === 'baseline';
      const meant = isName && typeof value === 'string' ? nearest(value, variantNames()) : null;
      return says(`${issue.message}${meant === value ? '' : meantWords(meant)}`);
    }
  }
}

const typeWords: Record<string, string> = {
  string: 'text',
  number: 'a number',
  int: 'a whole number',
  object: 'a map of keys and values',
  array: 'a list',
};

function unknownKey(path: Path, key: string): DescribedIssue {
  const known = scenarioKeys(path);
  return {
    path: [...path, key],
    isKey: true,
    text: `there is no such key; wanted ${oneOf(known)}${meantWords(nearest(key, known))}`,
  };
}

/** "5s" where seconds are a number. */
function unitHint(path: Path, value: unknown): string {
  const name = String([...path].reverse().find((part) => typeof part === 'string') ?? '');
  if (typeof value !== 'string' || !/^\s*-?[\d.]+\s*[a-zµ/%]+\s*$/i.test(value)) return '';
  return name.endsWith('Seconds') ? ' of seconds, without a unit' : ', without a unit';
}

function meantWords(meant: string | null): string {
  return meant === null ? '' : ` (did you mean "${meant}"?)`;
}

function oneOf(names: readonly string[]): string {
  return names.length === 1 ? String(names[0]) : `one of ${names.join(', ')}`;
}

/** A value as it was written, shortened. */
function shown(value: unknown): string {
  if (value === undefined) return 'missing';
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'object' && value !== null) return 'a map';
  const text = typeof value === 'string' ? JSON.stringify(value) : String(value);
  return text.length > 60 ? `${text.slice(0, 57)}…` : text;
}

function valueAt(root: unknown, path: Path): unknown {
  return path.reduce<unknown>(
    (value, part) =>
      typeof value === 'object' && value !== null && Object.hasOwn(value, part)
        ? (value as Record<string | number, unknown>)[part]
        : undefined,
    root,
  );
}
