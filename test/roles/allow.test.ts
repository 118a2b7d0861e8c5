import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Allowance, defaultAllow } from '../../agent/allow.ts';
import { Failure } from '../../protocol/failure.ts';

test('Allowance of an agent that was told nothing is its own machine', () => {
  const allowance = new Allowance(defaultAllow);
  assert.equal(allowance.refusalOf(['127.0.0.1', '127.255.0.9', '::1']), null);
  for (const address of ['10.0.0.1', '0.0.0.0', '::', '198.18.0.1', '128.0.0.1', 'fe80::1']) {
    assert.equal(allowance.allows(address), false, address);
  }
});

test('Allowance.refusalOf() names what is refused, what is allowed, and what to do', () => {
  assert.equal(
    new Allowance(['198.18.0.0/15']).refusalOf(['198.18.0.1', '192.0.2.1']),
    'Cannot send load to 192.0.2.1: this agent was started to allow 198.18.0.0/15 only; wanted a target in there. ' +
      'If that target is yours to flood, start the agent with --allow.',
  );
});

test('Allowance takes an IPv4 address written as IPv6 for what it is', () => {
  const allowance = new Allowance(['127.0.0.0/8']);
  assert.equal(allowance.allows('::ffff:127.0.0.1'), true);
  assert.equal(allowance.allows('::ffff:7f00:1'), true);
  assert.equal(allowance.allows('::ffff:10.0.0.1'), false);
  assert.equal(new Allowance(['::ffff:10.0.0.0/104']).allows('10.1.2.3'), true);
  assert.equal(new Allowance(['::/0']).allows('10.1.2.3'), false);
});

test('Allowance does not interpret what only some parsers call an address', () => {
  const allowance = new Allowance(['0.0.0.0/0', '::/0']);
  for (const text of [
    '127.1',
    '0x7f.0.0.1',
    '0177.0.0.1',
    '2130706433',
    '127.0.0.1 ',
    'fe80::1%eth0',
    'a',
    '',
  ]) {
    assert.equal(allowance.allows(text), false, text);
  }
});

test('Allowance writes networks in their canonical form', () => {
  assert.deepEqual(
    new Allowance(['198.18.7.9/15', '192.0.2.7', ' FD00:0:0:0::1/64 ', '::ffff:1.2.3.4']).networks,
    ['198.18.0.0/15', '192.0.2.7/32', 'fd00::/64', '1.2.3.4/32'],
  );
});

for (const text of [
  '',
  'localhost',
  '10.0.0.0/33',
  '10.0.0.0/-1',
  '10.0.0.0/8/8',
  '10.1/8',
  '::/129',
  '::ffff:1.2.3.4/95',
]) {
  test(`Allowance refuses the network "${text}" as bad input`, () => {
    assert.throws(
      () => new Allowance([text]),
      (error) => error instanceof Failure && error.exitStatus === 2 && /^Cannot allow /.test(error.message),
    );
  });
}

test('Allowance holds exactly what shares its prefix', () => {
  const octets = fc.tuple(...[0, 1, 2, 3].map(() => fc.integer({ min: 0, max: 255 })));
  const toNumber = (address: number[]) => address.reduce((sum, octet) => sum * 256 + octet, 0);
  fc.assert(
    fc.property(octets, octets, fc.integer({ min: 0, max: 32 }), (network, address, length) => {
      const size = 2 ** (32 - length);
      const inside = Math.floor(toNumber(network) / size) === Math.floor(toNumber(address) / size);
      assert.equal(new Allowance([`${network.join('.')}/${length}`]).allows(address.join('.')), inside);
    }),
  );
});
