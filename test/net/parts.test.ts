import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { allParts, type Parts } from '../../net/tcp/settings.ts';
import { type RecordedRun, recordRun } from './recorded-run.ts';

const seed = 20_240_717;
const whole = recordRun(seed, {});

test('the run is worth comparing: every byte arrived, over a bad network', () => {
  assert.equal(whole.failures, 0);
  assert.equal(whole.read.length, 24);
  for (const line of whole.read) {
    const [, reader, port, writer] =
      /^(client|server) (\d+) read (client|server) \2: [0-9]+$/.exec(line) ?? [];
    assert.ok(reader !== writer, line.slice(0, 60));
    assert.equal(line.split(': ')[1].length, (Number(port) - 1_999) * 3_000);
  }
  assert.ok(whole.frames.length > 500, String(whole.frames.length));
});

/** These change who is served first within a turn, and so what the bad network does to whom; the others change nothing. */
const reordering: readonly (keyof Parts)[] = ['eventBatches', 'transmitLists', 'timerLists'];

for (const part of Object.keys(allParts) as (keyof Parts)[])
  test(`without ${part}: ${reordering.includes(part) ? 'the same bytes' : 'the same frames at the same time'}`, () => {
    const without = recordRun(seed, { [part]: false });
    assert.deepEqual(without.read, whole.read);
    assert.equal(without.failures, 0);
    if (!reordering.includes(part)) assert.deepEqual(without.frames, whole.frames);
  });

test('without the hot line: the same frames at the same time', () => {
  const program = fileURLToPath(new URL('./recorded-run.js', import.meta.url));
  for (const hotLine of ['on', 'off']) {
    const env = { ...process.env, STAMPEDE_HOT_LINE: hotLine };
    const said = execFileSync(process.execPath, [program, String(seed)], { env, maxBuffer: 1 << 28 });
    assert.deepEqual(JSON.parse(said.toString()) as RecordedRun, whole);
  }
});
