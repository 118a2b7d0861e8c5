/** What is shown while a run works: one line written over on a terminal, few lines elsewhere. */

import assert from 'node:assert/strict';
import { PassThrough } from 'node:stream';
import { test } from 'node:test';
import { progressDisplay } from '../../cli/progress.ts';
import { amount, columns, duration, plural, wantsColour } from '../../cli/terminal.ts';

function screen(isTTY: boolean, width = 80): { stream: NodeJS.WriteStream; text: () => string } {
  const stream = Object.assign(new PassThrough(), { isTTY, columns: width });
  let text = '';
  stream.on('data', (data: Buffer) => {
    text += data.toString();
  });
  return { stream: stream as unknown as NodeJS.WriteStream, text: () => text };
}

const trial = (done: number, block: number) =>
  ({
    kind: 'trial',
    trial: `b0${block}-c01`,
    what: 'reuseport, 1 core',
    block,
    attempt: 1,
    done,
    total: 20,
    secondsLeft: 61,
  }) as const;

test('progressDisplay() elsewhere than on a terminal writes a line a block, none to write over', () => {
  const { stream, text } = screen(false);
  const display = progressDisplay(stream, false);
  display.show({ kind: 'phase', phase: 'lab' });
  for (let done = 0; done < 4; done++) display.show(trial(done, 1 + (done >> 1)));
  display.show({ kind: 'rate', trial: 'b01-c01', connectionsPerSecond: 1 });
  assert.equal(
    text(),
    'making the lab …\ntrial 1 of 20, 1 min 1 s left: reuseport, 1 core\ntrial 3 of 20, 1 min 1 s left: reuseport, 1 core\n',
  );
});

test('progressDisplay() says what is done to the Redis and the members there are, and nothing of what may yet be refused', () => {
  const said = (parts?: Parameters<typeof progressDisplay>[2]) => {
    const { stream, text } = screen(false);
    const display = progressDisplay(stream, false, parts);
    for (const phase of ['opening', 'redis', 'members'] as const) display.show({ kind: 'phase', phase });
    return text();
  };
  assert.equal(said(), 'starting Redis …\nstarting the agents and the server host …\n');
  assert.equal(
    said({ isOwnRedis: false, areOwnMembers: false }),
    'connecting to Redis …\nwaiting for the agents and the server host …\n',
  );
});

test('progressDisplay() on a terminal writes one line over, with the rate, no wider than it', () => {
  const { stream, text } = screen(true, 60);
  const display = progressDisplay(stream, false);
  display.show(trial(0, 1));
  display.show({ kind: 'rate', trial: 'b01-c01', connectionsPerSecond: 22_512.4 });
  display.end();
  assert.equal(
    text(),
    'trial 1 of 20, 1 min 1 s left: reuseport, 1 core\r\x1b[2Ktrial 1 of 20, 1 min 1 s left: reuseport, 1 core  22,512/s\r\x1b[2K',
  );
});

test('progressDisplay() keeps what went wrong on lines of its own', () => {
  const { stream, text } = screen(false);
  const display = progressDisplay(stream, false);
  display.show({ kind: 'retry', trial: 'b01-c01', attempt: 1, reason: 'the agent was lost' });
  display.show({ kind: 'givenUp', trial: 'b01-c01', reason: 'the server died' });
  display.show({ kind: 'warning', text: 'the ledger ended in half a line' });
  assert.equal(
    text(),
    '! b01-c01, attempt 1: the agent was lost; it is tried again\n! b01-c01 was given up: the server died\n! the ledger ended in half a line\n',
  );
});

test('progressDisplay() says nothing when quiet', () => {
  const { stream, text } = screen(true);
  const display = progressDisplay(stream, true);
  display.show(trial(0, 1));
  display.show({ kind: 'warning', text: 'x' });
  display.end();
  assert.equal(text(), '');
});

test('wantsColour() keeps to NO_COLOR and to terminals', (t) => {
  const { NO_COLOR, TERM } = process.env;
  t.after(() =>
    Object.assign(
      process.env,
      NO_COLOR === undefined ? {} : { NO_COLOR },
      TERM === undefined ? {} : { TERM },
    ),
  );
  delete process.env.NO_COLOR;
  process.env.TERM = 'xterm';
  assert.equal(wantsColour(screen(true).stream), true);
  assert.equal(wantsColour(screen(false).stream), false);
  process.env.TERM = 'dumb';
  assert.equal(wantsColour(screen(true).stream), false);
  process.env.TERM = 'xterm';
  process.env.NO_COLOR = '1';
  assert.equal(wantsColour(screen(true).stream), false);
  delete process.env.NO_COLOR;
});

test('duration(), amount() and plural() speak like a person', () => {
  assert.deepEqual([0, 7.4, 68, 3600, 7380].map(duration), [
    '0 s',
    '7 s',
    '1 min 8 s',
    '1 h 0 min',
    '2 h 3 min',
  ]);
  assert.deepEqual([0.4, 22_512.4, 1e6].map(amount), ['0', '22,512', '1,000,000']);
  assert.deepEqual([plural(1, 'trial'), plural(2_000, 'trial')], ['1 trial', '2,000 trials']);
});

test('columns() lines up, and leaves no blanks at the end of a line', () => {
  assert.equal(
    columns([
      ['a', 'long', 'x'],
      ['long', 'b', 'yy'],
    ]),
    'a     long  x\nlong  b     yy',
  );
});
