/** epoll: what is watched comes back with the caller's number. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EPOLLIN, EPOLLOUT, Epoll } from '../../linux/epoll.ts';
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
  SOCK_NONBLOCK,
} from '../../linux/sockets.ts';

test('wait() tells the numbers of what is ready, and nothing after remove()', () => {
  const epoll = new Epoll(4);
  const listener = openTcpSocket('ipv4', SOCK_NONBLOCK);
  const client = openTcpSocket('ipv4', 0);
  const memory = allocate(64);
  try {
    bindTo(listener, '127.0.0.1', 0);
    listenOn(listener, 8);
    epoll.add(listener, EPOLLIN, -7);
    assert.equal(epoll.wait(0), 0);
    new Uint8Array(memory.buffer).set(encodeSocketAddress('127.0.0.1', boundPort(listener)));
    assert.equal(connect(client, Number(memory.address), 16), 0);
    assert.equal(epoll.wait(1_000), 1);
    assert.equal(epoll.data(0), -7);
    assert.equal(epoll.events(0), EPOLLIN);

    const accepted = accept4(listener, 0, 0, SOCK_NONBLOCK);
    epoll.add(accepted, EPOLLIN, 1_000_000);
    assert.equal(epoll.wait(0), 0);
    epoll.modify(accepted, EPOLLOUT, 2_000_000);
    assert.equal(epoll.wait(0), 1);
    assert.deepEqual([epoll.events(0), epoll.data(0)], [EPOLLOUT, 2_000_000]);
    epoll.remove(accepted);
    assert.equal(epoll.wait(0), 0);
    assert.throws(() => epoll.remove(accepted), /Cannot stop watching a descriptor: ENOENT/);
    closeDescriptor(accepted);
  } finally {
    closeDescriptor(listener);
    closeDescriptor(client);
    epoll.close();
    memory.unmap();
  }
});
