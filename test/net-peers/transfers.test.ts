/** Bytes both ways between the stack and the kernel's TCP, every one of them checked: each link, each role, good and bad. */

import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { leaveChecksums } from '../../linux/device-settings.ts';
import type { Faults } from '../../net/links/faulty-link.ts';
import {
  clientAddress,
  inLabOf,
  type LinkKind,
  linkEnds,
  linkKinds,
  portAddress,
} from '../conformance/port-process.ts';
import { leftAddress, rightAddress, rightHardware } from '../linux/two-namespaces.ts';
import { ConversationEnd, type EndPlan } from '../net-simulation/conversation.ts';
import { isLongRun } from '../net-simulation/seeds.ts';
import { overFaultyWire } from './faulty-wire.ts';
import { clientStream, serverStream } from './kernel-peer.ts';
import { kernelClient, kernelServer } from './peers.ts';
import { stackHost } from './stack-host.ts';

const port = 8080;
const mebibyte = 1_048_576;
const seed = 20_220;

interface Transfer {
  readonly kind: LinkKind;
  /** Of the stack. */
  readonly role: 'server' | 'client';
  readonly connections: number;
  /** Of each connection, each way. */
  readonly bytes: number;
  readonly faults?: Faults;
}

const bad: Faults = { loss: 0.01, duplicate: 0.01, corrupt: 0.005, reorder: 0.05, reorderUs: 2_000 };
const cleanBytes: Readonly<Record<LinkKind, number>> = { af_xdp: 64, af_packet: 32, tap: 16 };

for (const kind of linkKinds)
  for (const role of ['server', 'client'] as const) {
    const megabytes = isLongRun() ? 1024 : cleanBytes[kind];
    const options = { ...inLabOf(kind), timeout: isLongRun() ? 600_000 : 120_000 };
    test(`${megabytes} MiB each way, the stack as ${role} over ${kind}`, options, (t) =>
      transfer(t, { kind, role, connections: 1, bytes: megabytes * mebibyte }),
    );
    test(`loss, repeats, damage, overtaking: the stack as ${role} over ${kind}`, options, (t) =>
      transfer(t, { kind, role, connections: 4, bytes: mebibyte, faults: bad }),
    );
  }

for (const loss of isLongRun() ? [0.001, 0.01, 0.05, 0.1, 0.2] : [0.1])
  for (const role of ['server', 'client'] as const)
    test(
      `${loss * 100} % loss, both ways: the stack as ${role}`,
      { ...inLabOf('af_xdp'), timeout: 300_000 },
      (t) => transfer(t, { kind: 'af_xdp', role, connections: 8, bytes: 131_072, faults: { ...bad, loss } }),
    );

async function transfer(t: TestContext, { kind, role, connections, bytes, faults }: Transfer): Promise<void> {
  // On a TAP device there is no wire between the two: what the stack sends goes wrong.
  const onWire = faults !== undefined && kind !== 'tap';
  const lab = onWire ? await wireEnds(t, faults) : linkEnds(t, kind);
  if (kind !== 'tap') lab.clients.inside(() => leaveChecksums(lab.clientDevice, false));
  const host = stackHost(t, seed, {
    kind,
    namespace: lab.namespace,
    device: lab.device,
    role,
    port,
    addresses: Uint32Array.of(leftAddress),
    ...(faults === undefined || onWire ? {} : { faults }),
  });
  const { stack } = host;
  const plan = planOf(role, bytes);
  const ends = new Map<number, ConversationEnd>();
  const all: ConversationEnd[] = [];
  const begin = (id: number): void => {
    const end = new ConversationEnd(id, plan, fullPieces);
    ends.set(id, end);
    all.push(end);
  };
  host.run((id, mask, nowUs) => {
    if (role === 'server' && !ends.has(id)) begin(id);
    const end = ends.get(id);
    end?.turn(stack, mask, nowUs);
    if (end?.isClosed === true) ends.delete(id);
  });
  const startedMs = performance.now();
  if (role === 'server') {
    const result = await kernelClient(t, lab.clients, {
      kind: 'transfer',
      address: portAddress,
      port,
      connections,
      bytes,
    });
    assert.deepEqual(result, { received: connections * bytes, troubles: [] });
  } else {
    await kernelServer(t, lab.clients, {
      kind: 'transfer',
      address: clientAddress,
      port,
      connections,
      bytes,
    });
    if (kind === 'tap') stack.setRoute(rightAddress, 24, 0);
    else stack.setNeighbour(rightAddress, rightHardware);
    for (let index = 0; index < connections; index++) {
      const id = stack.connect(leftAddress, 0, rightAddress, port);
      assert.ok(id >= 0, `errno ${-id}`);
      begin(id);
    }
  }
  const isUnderWay = (): boolean => all.length < connections || all.some(({ isClosed }) => !isClosed);
  while (isUnderWay() && !t.signal.aborted) await new Promise(setImmediate);
  const seconds = (performance.now() - startedMs) / 1000;
  assert.deepEqual(
    all.map(({ sentBytes, receivedBytes, failure }) => [sentBytes, receivedBytes, failure]),
    all.map(() => [bytes, bytes, 0]),
  );
  const { timeoutRetransmissions, fastRetransmissions, drops } = stack.counters;
  t.diagnostic(
    `${((connections * bytes * 2) / seconds / 1e6).toFixed(0)} MB/s both ways, ${timeoutRetransmissions} retransmissions ` +
      `by time-out, ${fastRetransmissions} fast; ${drops.badTcpChecksum + drops.badIpChecksum} damaged`,
  );
  if (faults !== undefined) assert.ok(timeoutRetransmissions + fastRetransmissions > 0);
}

async function wireEnds(t: TestContext, faults: Faults) {
  const { left, right } = await overFaultyWire(t, seed, faults);
  return { namespace: left, device: 'left', clients: right, clientDevice: 'right' };
}

function planOf(role: 'server' | 'client', bytes: number): EndPlan {
  const [sends, receives] = role === 'client' ? [clientStream, serverStream] : [serverStream, clientStream];
  return {
    sends,
    receives,
    sendBytes: bytes,
    mostWriteBytes: 65_536,
    mostReadBytes: 262_144,
    mostPauseUs: 0,
    halfCloses: true,
    hasNagle: false,
    abortsAtUs: Number.POSITIVE_INFINITY,
  };
}

/** The largest number below 1: pieces are as large as they may be. */
function fullPieces(): number {
  return 1 - Number.EPSILON;
}
