import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { ChangeLog } from '../../coordinator/page/change-log.ts';

/** Stands for any document: what it is does not matter here. */
const documentOf = (value: number) => [{ value }] as never;
const told = (text: string | undefined): Record<string, unknown> => JSON.parse(`{${text ?? ''}}`);

test('since() tells the newest of every document that changed, and nothing else', () => {
  const log = new ChangeLog();
  log.put('rates/0', documentOf(1));
  log.put('rates/1', documentOf(2));
  log.put('rates/0', documentOf(3));
  assert.deepEqual(told(log.since(0, 1e6)?.text), { 'rates/1': [{ value: 2 }], 'rates/0': [{ value: 3 }] });
  assert.deepEqual(told(log.since(2, 1e6)?.text), { 'rates/0': [{ value: 3 }] });
  assert.equal(log.since(3, 1e6), null);
});

test('since() in pieces of any size, between changes of any kind, makes the same copy', () => {
  const step = fc.oneof(
    fc.record({ put: fc.nat(12), value: fc.nat(1_000) }),
    fc.record({ ask: fc.integer({ min: 1, max: 120 }) }),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 400 }), (steps) => {
      const log = new ChangeLog();
      const truth = new Map<string, unknown>();
      const copy = new Map<string, unknown>();
      let seen = 0;
      const ask = (characters: number): boolean => {
        const piece = log.since(seen, characters);
        if (piece === null) return false;
        assert.ok(piece.upTo > seen, 'a piece that leads nowhere');
        seen = piece.upTo;
        for (const [key, document] of Object.entries(told(piece.text))) copy.set(key, document);
        return true;
      };
      for (const one of steps) {
        if ('ask' in one) ask(one.ask);
        else {
          log.put(`rates/${one.put}`, documentOf(one.value));
          truth.set(`rates/${one.put}`, documentOf(one.value));
        }
      }
      while (ask(50));
      assert.deepEqual(new Map([...copy].sort()), new Map([...truth].sort()));
    }),
  );
});

test('put() ten thousand times of ten documents keeps ten', () => {
  const log = new ChangeLog();
  for (let turn = 0; turn < 10_000; turn++) log.put(`rates/${turn % 10}`, documentOf(turn));
  const all = log.since(0, 1e9);
  assert.equal(all?.count, 10);
  assert.equal(all?.upTo, 10_000);
  assert.equal(log.since(9_999, 1e9)?.count, 1);
});
