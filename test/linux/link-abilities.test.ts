import assert from 'node:assert/strict';
import { readlinkSync } from 'node:fs';
import { test } from 'node:test';
import { linkAbilities } from '../../linux/link-abilities.ts';
import { inNamespaces } from './two-namespaces.ts';

test('linkAbilities() tries each kind, the best first, and comes back to where it was', inNamespaces, () => {
  const before = readlinkSync('/proc/thread-self/ns/net');
  const abilities = linkAbilities();
  assert.equal(readlinkSync('/proc/thread-self/ns/net'), before);
  assert.deepEqual(
    abilities.map(({ kind }) => kind),
    ['af_xdp', 'af_packet', 'tap'],
  );
  for (const { kind, works, refused } of abilities) {
    assert.ok((works === null) !== (refused === null), `${kind} either works or was refused`);
    if (works !== null) assert.match(works, new RegExp(`^${kind}( \\((native|generic)[^()]*\\))?$`));
  }
});

test('linkAbilities() says why it cannot try, without rights', {
  skip: process.getuid?.() === 0 && 'needs a user without rights',
}, () => {
  for (const { works, refused } of linkAbilities()) {
    assert.equal(works, null);
    assert.match(refused ?? '', /cannot be tried: Cannot make a network namespace: EPERM; needs root/);
  }
});
