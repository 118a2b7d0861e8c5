/**
 * A bad network between two namespaces: a third one, whose two devices a thread joins as a switch would, through a faulty
 * link. What passes either way is lost, repeated, damaged, delayed and overtaken.
 *
 *   left [left] ════ [west] faulty wire [east] ════ [right] right
 *
 * Addresses are those of two-namespaces.ts. Each end knows the other's hardware address: nothing is broadcast.
 */

import type { TestContext } from 'node:test';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import { openAfPacket } from '../../linux/af-packet.ts';
import { leaveChecksums } from '../../linux/device-settings.ts';
import { closeDescriptor, openDatagramSocket, sendDatagram } from '../../linux/sockets.ts';
import { enterNetworkNamespace } from '../../linux/thread.ts';
import { seededRandom } from '../../measurement/random.ts';
import { type Faults, faultyLink } from '../../net/links/faulty-link.ts';
import { frameBatch } from '../../net/links/link.ts';
import { Namespace, type TwoNamespaces } from '../linux/two-namespaces.ts';

interface WireOrder {
  readonly namespace: string;
  readonly faults: Faults;
  readonly seed: number;
  /** One word: 1 when it is to end. */
  readonly shared: SharedArrayBuffer;
}

const longestSleepMs = 20;
/** RFC 863. */
const discardPort = 9;
const wireHardware = '02:c6:12:07:00:03';
const ends = [
  { name: 'left', hardware: '02:c6:12:07:00:01', address: '198.18.7.1', wire: 'west' },
  { name: 'right', hardware: '02:c6:12:07:00:02', address: '198.18.7.2', wire: 'east' },
] as const;

if (!isMainThread && (workerData as WireOrder | null)?.namespace !== undefined)
  carry(workerData as WireOrder);

/** Gone when the test is over. @param seed of the faults. */
export async function overFaultyWire(t: TestContext, seed: number, faults: Faults): Promise<TwoNamespaces> {
  const middle = new Namespace();
  middle.run('sh', '-c', 'echo 1 > /proc/sys/net/ipv6/conf/default/disable_ipv6');
  const [left, right] = ends.map(({ name, hardware, wire }) => {
    const namespace = new Namespace();
    t.after(() => namespace.close());
    namespace.run('sh', '-c', 'echo 1 > /proc/sys/net/ipv6/conf/default/disable_ipv6');
    namespace.run(
      ...(['ip', 'link', 'add', 'name', name, 'address', hardware, 'type', 'veth'] as const),
      ...['peer', 'name', wire, 'address', wireHardware, 'netns', middle.path],
    );
    return namespace;
  }) as [Namespace, Namespace];
  ends.forEach((own, index) => {
    const namespace = index === 0 ? left : right;
    const other = ends[1 - index] as (typeof ends)[number];
    namespace.run('ip', 'link', 'set', 'lo', 'up');
    namespace.run('ip', 'address', 'add', `${own.address}/24`, 'dev', own.name);
    namespace.run('ip', 'link', 'set', own.name, 'up');
    namespace.run(
      ...(['ip', 'neighbour', 'add', other.address, 'lladdr', other.hardware] as const),
      ...['nud', 'permanent', 'dev', own.name],
    );
    // Then segments are cut, and whole, before they pass the wire.
    namespace.inside(() => leaveChecksums(own.name, false));
    middle.run('ip', 'link', 'set', own.wire, 'up');
  });
  const shared = new SharedArrayBuffer(4);
  const workerData: WireOrder = { namespace: middle.path, faults, seed, shared };
  const worker = new Worker(new URL('./faulty-wire.js', import.meta.url), { workerData });
  const ended = new Promise((resolve) => worker.once('exit', resolve));
  await new Promise<void>((resolve, reject) => {
    worker.once('message', () => resolve());
    worker.once('error', reject);
  });
  // The wire learns who is where: before anything was heard of an end, nothing finds it.
  for (const [namespace, to] of [
    [left, ends[1]],
    [right, ends[0]],
  ] as const)
    namespace.inside(() => {
      const socket = openDatagramSocket();
      sendDatagram(socket, to.address, discardPort);
      closeDescriptor(socket);
    });
  t.after(async () => {
    Atomics.store(new Int32Array(shared), 0, 1);
    await ended;
    middle.close();
  });
  return { left, right };
}

function carry({ namespace, faults, seed, shared }: WireOrder): void {
  const isOver = new Int32Array(shared);
  enterNetworkNamespace(namespace);
  // Over several devices, a link learns who is behind which, as a switch does.
  const kernel = openAfPacket({ devices: ends.map(({ wire }) => wire), match: null, threads: 1 });
  const link = faultyLink(kernel, faults, seededRandom(seed, 'wire'));
  const batch = frameBatch(64);
  parentPort?.postMessage('carrying');
  while (Atomics.load(isOver, 0) === 0) {
    const nowUs = performance.now() * 1000;
    const count = link.receive(batch, nowUs);
    for (let index = 0; index < count; index++)
      link.transmit(batch.at[index] as number, batch.length[index] as number);
    link.flush(nowUs);
    const sleepUs = Math.floor(Math.min(longestSleepMs * 1000, link.dueAtUs() - nowUs));
    if (count === 0 && sleepUs > 0) kernel.wait(sleepUs);
  }
  link.close();
}
