/** What the pages say exists: links, files, commands, scenarios. */

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { test } from 'node:test';

const pages = [
  ...readdirSync('.').filter((name) => name.endsWith('.md')),
  ...readdirSync('docs', { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.md'))
    .map((name) => join('docs', name)),
];
const { scripts } = JSON.parse(readFileSync('package.json', 'utf8')) as { scripts: Record<string, string> };

for (const page of pages) {
  const text = readFileSync(page, 'utf8');

  test(`${page} links only to what is there`, () => {
    const lost = [...text.matchAll(/\]\(([^)#\s]+)(#[^)]*)?\)/g)]
      .map(([, target]) => target as string)
      .filter((target) => !/^[a-z]+:/.test(target))
      .filter((target) => !existsSync(normalize(join(dirname(page), target))));
    assert.deepEqual(lost, []);
  });

  test(`${page} names only npm scripts and scenarios that are there`, () => {
    const asked = [...text.matchAll(/\bnpm (?:run )?([a-z]+)\b/g)].map(([, name]) => name as string);
    const known = new Set([...Object.keys(scripts), 'ci', 'install', 'run', 'packages', 'package']);
    assert.deepEqual(
      asked.filter((name) => !known.has(name)),
      [],
    );
    const scenarios = [...text.matchAll(/\bscenarios\/[\w-]+\.yaml\b/g)].map(([path]) => path);
    assert.deepEqual(
      scenarios.filter((path) => !existsSync(path)),
      [],
    );
  });
}

test('every command that a page names is one, with the options it names', () => {
  const help = (...parts: string[]): string =>
    execFileSync(process.execPath, ['dist/cli/stampede.js', ...parts, '--help'].map(built), {
      encoding: 'utf8',
    });
  const namesIn = (text: string): string[] =>
    [...(/^Commands:\n(.*?)\n\n/ms.exec(text)?.[1] ?? '').matchAll(/^ {2}([a-z]+) /gm)].map(
      ([, name]) => name as string,
    );
  const helps = new Map(namesIn(help()).map((name) => [name, help(name)]));
  for (const [name, text] of [...helps])
    for (const inner of namesIn(text)) helps.set(`${name} ${inner}`, help(name, inner));
  const wrong: string[] = [];
  for (const page of pages) {
    const code = [...readFileSync(page, 'utf8').matchAll(/```[a-z]*\n([\s\S]*?)```|`([^`\n]+)`/g)].map(
      ([, block, line]) => block ?? line ?? '',
    );
    for (const line of code.flatMap((text) => text.split('\n'))) {
      const [, name, rest = ''] = /(?:^|\s)(?:\.\/)?stampede ([a-z]+)\b([^#]*)/.exec(line) ?? [];
      if (name === undefined) continue;
      const [, inner = ''] = /^\s+([a-z]+)\b/.exec(rest) ?? [];
      const said = helps.get(`${name} ${inner}`) ?? helps.get(name);
      if (said === undefined) {
        wrong.push(`${page}: stampede ${name}`);
        continue;
      }
      for (const [option] of rest.matchAll(/--[a-z][a-z-]*/g))
        if (!said.includes(option)) wrong.push(`${page}: stampede ${name} ${option}`);
    }
  }
  assert.deepEqual(wrong, []);
});

/** The build these tests are part of, wherever it was built to. */
function built(part: string): string {
  return part.startsWith('dist/')
    ? new URL(`../../${part.slice('dist/'.length)}`, import.meta.url).pathname
    : part;
}

test('every scenario tells editors its schema, and asks a question', () => {
  for (const name of readdirSync('scenarios')) {
    const text = readFileSync(join('scenarios', name), 'utf8');
    assert.match(text, /^# yaml-language-server: \$schema=\.\.\/protocol\/scenario\.schema\.json\n/, name);
    assert.match(text, /^question: .+\?$/m, name);
  }
});

test('.ci/run runs the test command of the README', () => {
  assert.match(readFileSync('.ci/run', 'utf8'), /^exec npm test$/m);
});
