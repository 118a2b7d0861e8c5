/** What docs/simulator.md shows can be used as it stands: its machine file, its designs. */

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { parse } from 'yaml';
import { designs } from '../../simulator/designs/table.ts';
import { machineOf } from '../../simulator/machine/load.ts';
import { simulate } from '../../simulator/simulator.ts';

const page = readFileSync('docs/simulator.md', 'utf8');

test('the machine file of docs/simulator.md is one, and can be simulated on', () => {
  const [, text] = /```yaml\n([\s\S]*?)```/.exec(page) ?? [];
  assert.ok(text !== undefined);
  const machine = machineOf(parse(text), 'docs/simulator.md');
  const { rows } = simulate({ machine, design: 'reuseport', cores: [2], concurrency: 64, connections: 500 });
  assert.ok(rows[0].connectionsPerSecond > 10_000, `${rows[0].connectionsPerSecond}`);
});

test('docs/simulator.md names designs that there are', () => {
  const table = page.slice(page.indexOf('## Designs'), page.indexOf('Adding a design'));
  const named = [...table.matchAll(/^\| (.*?) \|/gm)]
    .flatMap(([, cell]) => [...(cell as string).matchAll(/`([^`]+)`/g)])
    .map(([, name]) => name as string)
    .filter((name) => !name.startsWith('-'));
  assert.ok(named.length > 15);
  assert.deepEqual(
    named.filter((name) => !Object.hasOwn(designs, name)),
    [],
  );
});
