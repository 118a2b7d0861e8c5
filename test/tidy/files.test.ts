/** Habits of every file: a header, a bounded length, no stray clocks, nothing left lying about. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { sourceFiles } from './source-files.ts';

const files = sourceFiles();
const maxLines = 400;

test('every file begins with what it is; the titles of a test say it', () => {
  const bare = files.filter(
    ({ path, text }) => !path.endsWith('.test.ts') && !/^(#![^\n]*\n)?\/\*\*/.test(text),
  );
  assert.deepEqual(
    bare.map(({ path }) => path),
    [],
  );
});

test(`no file is longer than ${maxLines} lines`, () => {
  const long = files.filter(({ lines }) => lines.length > maxLines + 1);
  assert.deepEqual(
    long.map(({ path, lines }) => `${path}: ${lines.length}`),
    [],
  );
});

/** Pure folders: time and randomness come in as arguments, so that a test is a table and a failure is a seed. */
const pure = [/^measurement\//, /^protocol\//, /^net\//, /^simulator\//, /^coordinator\/(judge|plan)\//];
const clocks = /\b(Date\.now\(|new Date\(\)|performance\.now\(|process\.hrtime|Math\.random\()/;

test('no clock and no chance where both are to come in as arguments', () => {
  const stray = files
    .filter(({ path }) => pure.some((folder) => folder.test(path)))
    .flatMap(({ path, lines }) =>
      lines.flatMap((line, index) => (clocks.test(line) ? [`${path}:${index + 1}`] : [])),
    );
  assert.deepEqual(stray, []);
});

test('no Math.random() anywhere: a run must be repeatable', () => {
  const stray = files.filter(
    ({ text, path }) => /Math\.random\(/.test(text) && !path.startsWith('test/tidy/'),
  );
  assert.deepEqual(
    stray.map(({ path }) => path),
    [],
  );
});

/** Written so that this file does not find itself. */
const leftovers = new RegExp(
  [
    '\\bTO' + 'DO\\b',
    '\\bFIX' + 'ME\\b',
    '\\bX' + 'XX\\b',
    '@ts-ig' + 'nore',
    '@ts-no' + 'check',
    'console\\.l' + 'og\\(',
    'deb' + 'ugger;',
  ].join('|'),
);

/** The text of a script that k6 runs: printing is how that one reports. */
const k6Script = 'agent/engines/k6/script.ts';

test('nothing left lying about: notes to self, silenced checks, prints', () => {
  const found = files
    .filter(({ path }) => !path.startsWith('test/') && path !== k6Script)
    .flatMap(({ path, lines }) =>
      lines.flatMap((line, index) => (leftovers.test(line) ? [`${path}:${index + 1}: ${line.trim()}`] : [])),
    );
  assert.deepEqual(found, []);
});

test('no test is shut off or alone', () => {
  const found = files
    .filter(({ path }) => path.startsWith('test/'))
    .flatMap(({ path, lines }) =>
      lines.flatMap((line, index) =>
        /\b(test|it|describe)\.(only|todo)\(/.test(line) ? [`${path}:${index + 1}`] : [],
      ),
    );
  assert.deepEqual(found, []);
});

test('no folder and no file is called utils, helpers or common', () => {
  const vague = files.filter(({ path }) => /(^|\/|-)(utils?|helpers?|common|misc)(\.|\/|-|$)/.test(path));
  assert.deepEqual(
    vague.map(({ path }) => path),
    [],
  );
});
