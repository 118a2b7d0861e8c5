/** Many short connections between the stack and the kernel's TCP: none is lost, none fails, on no link, in no role. */

import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { leaveChecksums } from '../../linux/device-settings.ts';
import type { Stack } from '../../net/stack.ts';
import {
  clientAddress,
  inLabOf,
  type LinkKind,
  linkEnds,
  linkKinds,
  type PortLab,
  portAddress,
} from '../conformance/port-process.ts';
import { leftAddress, rightAddress, rightHardware } from '../linux/two-namespaces.ts';
import { isLongRun } from '../net-simulation/seeds.ts';
import { kernelClient, kernelServer } from './peers.ts';
import { ShortCallers } from './short-callers.ts';
import { stackHost } from './stack-host.ts';

const port = 8080;
const seed = 7;
const requestBytes = 64;
const concurrency = 64;
const usual: Readonly<Record<LinkKind, number>> = { af_xdp: 10_000, af_packet: 5_000, tap: 5_000 };
/** One address has too few ports for all connections that are remembered. */
const otherAddresses = Array.from({ length: 8 }, (_, index) => index + 16);

for (const kind of linkKinds) {
  const connections = isLongRun() ? 100_000 : usual[kind];
  const options = { ...inLabOf(kind), timeout: isLongRun() ? 600_000 : 120_000 };

  test(`${connections} short connections to the stack over ${kind}`, options, async (t) => {
    const lab = endsWithAddresses(t, kind, 'kernel');
    const { stack, run } = stackHost(t, seed, {
      kind,
      namespace: lab.namespace,
      device: lab.device,
      role: 'server',
      port,
      addresses: Uint32Array.of(leftAddress),
    });
    let failed = 0;
    const bytes = new Uint8Array(4096);
    run((id) => {
      const count = stack.read(id, bytes, 0, bytes.length);
      if (count > 0) stack.write(id, bytes, 0, count);
      if (stack.errorOf(id) !== 0) failed++;
      if (stack.errorOf(id) !== 0 || stack.isEnded(id)) stack.close(id);
    });
    const startedMs = performance.now();
    const result = await kernelClient(t, lab.clients, {
      kind: 'short',
      address: portAddress,
      port,
      connections,
      concurrency,
      requestBytes,
      sources: otherAddresses.map((last) => `198.18.7.${last}`),
    });
    say(t, connections, startedMs, stack);
    assert.deepEqual(result, { completed: connections, troubles: {} });
    assert.equal(failed, 0);
    assert.equal(stack.counters.accepted, connections);
    nothingLost(stack);
  });

  test(`${connections} short connections of the stack over ${kind}`, options, async (t) => {
    const lab = endsWithAddresses(t, kind, 'stack');
    const sources = Uint32Array.from(otherAddresses, (last) => (leftAddress & ~0xff) + last);
    const { stack, run } = stackHost(t, seed, {
      kind,
      namespace: lab.namespace,
      device: lab.device,
      role: 'client',
      port,
      addresses: sources,
    });
    if (kind === 'tap') stack.setRoute(rightAddress, 24, 0);
    else stack.setNeighbour(rightAddress, rightHardware);
    await kernelServer(t, lab.clients, {
      kind: 'short',
      address: clientAddress,
      port,
      connections,
      concurrency,
      requestBytes,
      sources: [],
    });
    const callers = new ShortCallers({
      stack,
      sources,
      address: rightAddress,
      port,
      connections,
      concurrency,
      requestBytes,
    });
    const startedMs = performance.now();
    run(
      (id, mask) => callers.happened(id, mask),
      () => callers.eachTurn(),
    );
    while (!callers.isOver && !t.signal.aborted) await new Promise(setImmediate);
    say(t, connections, startedMs, stack);
    assert.deepEqual([callers.completed, callers.troubles], [connections, {}]);
    assert.equal(stack.counters.connected, connections);
    nothingLost(stack);
  });
}

/** One side has addresses enough for many connections, and the kernel uses all of its ports. */
function endsWithAddresses(t: TestContext, kind: LinkKind, side: 'kernel' | 'stack'): PortLab {
  const lab = linkEnds(t, kind);
  if (kind !== 'tap') lab.clients.inside(() => leaveChecksums(lab.clientDevice, false));
  lab.clients.run('sh', '-c', 'echo 1024 65535 > /proc/sys/net/ipv4/ip_local_port_range');
  const [namespace, device] =
    side === 'kernel' ? [lab.clients, lab.clientDevice] : [lab.namespace, lab.device];
  // Those of the stack are its own on a TAP device: the kernel there is its peer.
  if (side === 'kernel' || kind !== 'tap')
    for (const last of otherAddresses)
      namespace.run('ip', 'address', 'add', `198.18.7.${last}/24`, 'dev', device);
  return lab;
}

/** Resets do no harm here: who was kept waiting sends his FIN again, and a second ACK of it may find nobody. */
function nothingLost({ counters }: Stack): void {
  const { backlogFull, noMemory } = counters.drops;
  assert.deepEqual({ backlogFull, noMemory }, { backlogFull: 0, noMemory: 0 });
}

function say(t: TestContext, connections: number, startedMs: number, { counters }: Stack): void {
  const perSecond = connections / ((performance.now() - startedMs) / 1000);
  const { synRetransmissions, timeoutRetransmissions, fastRetransmissions, resetsSent, resetsReceived } =
    counters;
  t.diagnostic(
    `${perSecond.toFixed(0)} connections/s; sent again: ${synRetransmissions} SYNs, ` +
      `${timeoutRetransmissions + fastRetransmissions} segments; ${resetsSent + resetsReceived} resets`,
  );
}
