/** A load thread that cannot be had, or that dies. */

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { startLoadThread } from '../../agent/load-thread.ts';
import { leaseOf, order } from './flood-fixture.ts';

describe('startLoadThread()', () => {
  const refusals: readonly (readonly [string, Partial<Parameters<typeof order>[0]>, RegExp])[] = [
    ['a core there is not', { cores: [1000] }, /^Cannot pin a thread to core 1000: EINVAL/],
    ['a namespace there is not', { namespace: '/proc/1/ns/none' }, /ENOENT/],
    ['a target that is no address', { target: { addresses: ['server'], port: 1 } }, /"server"/],
  ];
  for (const [what, changes, message] of refusals)
    test(`startLoadThread() refuses ${what}`, async () => {
      await assert.rejects(startLoadThread(order(changes), leaseOf(60)), ({ message: text }: Error) =>
        message.test(text),
      );
    });

  test('result rejects when the thread dies', async () => {
    // A lease of the wrong size is our own mistake, and shows when the thread first reads it.
    const thread = startLoadThread(order({ port: 1 }), new SharedArrayBuffer(4));
    await assert.rejects(
      thread.then(({ result }) => result),
      /^Error: A load thread died: /,
    );
  });
});
