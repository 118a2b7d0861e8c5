/** Socket addresses, options and a conversation through raw calls. */

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { lastErrno, SystemCallError } from '../../linux/libc.ts';
import { allocate } from '../../linux/memory.ts';
import {
  accept4,
  bindTo,
  boundPort,
  closeDescriptor,
  connect,
  encodeSocketAddress,
  familyOf,
  getOption,
  hostPort,
  listenOn,
  MSG_NOSIGNAL,
  openTcpSocket,
  recv,
  SO_RCVTIMEO,
  SO_REUSEADDR,
  SOCK_CLOEXEC,
  SOCK_NONBLOCK,
  SOL_SOCKET,
  send,
  setOption,
  setTimeoutOption,
} from '../../linux/sockets.ts';

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

test('encodeSocketAddress() writes sockaddr_in and sockaddr_in6 as the kernel reads them', () => {
  assert.equal(hex(encodeSocketAddress('198.18.0.1', 8080)), '02001f90c61200010000000000000000');
  const ipv6 = (address: string): string => hex(encodeSocketAddress(address, 1)).slice(16, 48);
  assert.equal(ipv6('::1'), '00000000000000000000000000000001');
  assert.equal(ipv6('2001:db8::ff:0:1'), '20010db800000000000000ff00000001');
  assert.equal(ipv6('::'), '0'.repeat(32));
  assert.equal(ipv6('fe80::'), `fe80${'0'.repeat(28)}`);
  assert.equal(ipv6('::ffff:1.2.3.4'), '00000000000000000000ffff01020304');
  assert.throws(() => familyOf('localhost'), /Cannot use "localhost" as an address/);
  assert.equal(hostPort('::1', 80), '[::1]:80');
});

test('raw calls hold a conversation with a server of Node', async () => {
  const server = createServer((socket) => socket.pipe(socket)).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const memory = allocate(4096);
  const bytes = new Uint8Array(memory.buffer);
  const at = Number(memory.address);
  const peer = encodeSocketAddress('127.0.0.1', (server.address() as AddressInfo).port);
  bytes.set(peer, 1024);
  bytes.set(new TextEncoder().encode('hello'));
  const fd = openTcpSocket('ipv4', SOCK_CLOEXEC);
  assert.equal(connect(fd, at + 1024, peer.byteLength), 0);
  assert.equal(send(fd, at, 5, MSG_NOSIGNAL), 5);
  setTimeoutOption(fd, SO_RCVTIMEO, 20);
  assert.equal(recv(fd, at + 100, 10, 0), -1, 'the server of this very thread cannot have answered');
  assert.equal(lastErrno(), 11);
  await sleep(50);
  assert.equal(recv(fd, at + 100, 10, 0), 5);
  assert.equal(new TextDecoder().decode(bytes.slice(100, 105)), 'hello');
  closeDescriptor(fd);
  server.close();
  memory.unmap();
});

test('set-up calls throw what the kernel says', () => {
  const first = openTcpSocket('ipv4', SOCK_CLOEXEC | SOCK_NONBLOCK);
  const second = openTcpSocket('ipv4', SOCK_CLOEXEC);
  try {
    setOption(first, SOL_SOCKET, SO_REUSEADDR, 1);
    assert.equal(getOption(first, SOL_SOCKET, SO_REUSEADDR), 1);
    bindTo(first, '127.0.0.1', 0);
    listenOn(first, 5);
    const port = boundPort(first);
    assert.ok(port > 0);
    assert.throws(
      () => bindTo(second, '127.0.0.1', port),
      (error) =>
        error instanceof SystemCallError &&
        error.code === 'EADDRINUSE' &&
        error.message === `Cannot bind to 127.0.0.1:${port}: EADDRINUSE`,
    );
    assert.equal(accept4(first, 0, 0, 0), -1);
    assert.equal(lastErrno(), 11);
    assert.throws(() => setOption(-1, SOL_SOCKET, SO_REUSEADDR, 1), /EBADF/);
  } finally {
    closeDescriptor(first);
    closeDescriptor(second);
  }
});
