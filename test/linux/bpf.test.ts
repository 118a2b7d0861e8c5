/** Hand-made BPF: instructions as bytes, kernel types, and stamps of real handshakes. */

import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { test } from 'node:test';
import { BpfAssembler } from '../../linux/bpf-assembler.ts';
import { HandshakeStamps, traceHandshakes } from '../../linux/bpf-handshake-stamps.ts';
import { kernelMemberOffsets, memberOffsets } from '../../linux/bpf-types.ts';
import { allocate } from '../../linux/memory.ts';
import {
  accept4,
  bindTo,
  boundPort,
  closeDescriptor,
  connect,
  encodeSocketAddress,
  listenOn,
  openTcpSocket,
} from '../../linux/sockets.ts';

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');
const noBtf = !existsSync('/sys/kernel/btf/vmlinux') && 'the kernel tells no types (no BTF)';
const noTracing = noBtf || (process.getuid?.() !== 0 && 'only root may trace');

test('BpfAssembler encodes instructions as RFC 9669 has them', () => {
  const program = new BpfAssembler()
    .load(64, 2, 1, 8)
    .jumpIfNotEqual(2, 3, 'out')
    .store(32, 9, 4, 7)
    .mapValue(9, 5)
    .immediate('add', 1, -80)
    .register32('xor', 8, 2)
    .call(5)
    .label('out')
    .immediate('move', 0, 0)
    .exit()
    .assemble();
  assert.deepEqual(hex(program).match(/.{16}/g), [
    '7912080000000000',
    '5502060003000000',
    '6379040000000000',
    '1829000005000000',
    '0000000000000000',
    '07010000b0ffffff',
    'ac28000000000000',
    '8500000005000000',
    'b700000000000000',
    '9500000000000000',
  ]);
  assert.throws(() => new BpfAssembler().jumpIfEqual(1, 1, 'nowhere').assemble(), /no label "nowhere"/);
});

test('kernelMemberOffsets() finds members, those of anonymous unions too', { skip: noBtf }, () => {
  const offsets = kernelMemberOffsets('sock_common', ['skc_daddr', 'skc_dport', 'skc_num', 'skc_family']);
  // These have stood at the front of the structure since Linux 3.13: the lookup of connections depends on it.
  assert.deepEqual(offsets, { skc_daddr: 0, skc_dport: 12, skc_num: 14, skc_family: 16 });
});

test('kernelMemberOffsets() says which members a kernel does not have', { skip: noBtf }, () => {
  assert.throws(
    () => kernelMemberOffsets('sock_common', ['skc_num', 'skc_nothing']),
    /Cannot find skc_nothing in struct sock_common/,
  );
  assert.throws(() => memberOffsets(new Uint8Array(100), 'a', ['b']), /does not begin with its magic number/);
});

for (const address of ['127.0.0.1', '::1']) {
  test(`HandshakeStamps gives each connection to ${address} its own stamp, once`, { skip: noTracing }, () => {
    const family = address.includes(':') ? 'ipv6' : 'ipv4';
    const listener = openTcpSocket(family, 0);
    const memory = allocate(4096);
    const words = new Uint32Array(memory.buffer);
    const at = Number(memory.address);
    bindTo(listener, address, 0);
    listenOn(listener, 64);
    const tracing = traceHandshakes(boundPort(listener));
    const stamps = new HandshakeStamps(tracing.map);
    const target = encodeSocketAddress(address, boundPort(listener));
    new Uint8Array(memory.buffer).set(target, 2048);
    const open: number[] = [listener];
    try {
      const windows: [before: number, after: number][] = [];
      for (let index = 0; index < 20; index++) {
        const client = openTcpSocket(family, 0);
        open.push(client);
        const before = Number(process.hrtime.bigint());
        assert.equal(connect(client, at + 2048, target.byteLength), 0);
        windows.push([before, Number(process.hrtime.bigint())]);
      }
      for (const [before, after] of windows) {
        words[7] = 28;
        open.push(accept4(listener, at, at + 28, 0));
        const stamp = stamps.take(words);
        assert.ok(stamp >= before && stamp <= after, `${before} ≤ ${stamp} ≤ ${after}`);
        assert.equal(stamps.take(words), -1, 'a stamp is taken once');
      }
    } finally {
      for (const fd of open) closeDescriptor(fd);
      tracing.stop();
    }
  });
}

test('traceHandshakes() does not stamp connections to another port', { skip: noTracing }, () => {
  const listener = openTcpSocket('ipv4', 0);
  const memory = allocate(4096);
  const words = new Uint32Array(memory.buffer);
  const at = Number(memory.address);
  bindTo(listener, '127.0.0.1', 0);
  listenOn(listener, 4);
  const tracing = traceHandshakes(boundPort(listener) === 1 ? 2 : 1);
  const stamps = new HandshakeStamps(tracing.map);
  const client = openTcpSocket('ipv4', 0);
  new Uint8Array(memory.buffer).set(encodeSocketAddress('127.0.0.1', boundPort(listener)), 2048);
  assert.equal(connect(client, at + 2048, 16), 0);
  words[7] = 28;
  const accepted = accept4(listener, at, at + 28, 0);
  assert.equal(stamps.take(words), -1);
  for (const fd of [listener, client, accepted]) closeDescriptor(fd);
  tracing.stop();
});
