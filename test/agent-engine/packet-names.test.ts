/** The packet engine's names and notes, over a wire in memory: each name in its turn, each at rest when it must be. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Buffers } from '../../agent/engines/flood/buffers.ts';
import { echoConversation } from '../../agent/engines/flood/echo-conversation.ts';
import { Flood } from '../../agent/engines/flood/flood.ts';
import { NamesInTurn } from '../../agent/engines/packet/names-in-turn.ts';
import { PacketTransport } from '../../agent/engines/packet/packet-transport.ts';
import type { LoadOrder } from '../../agent/load.ts';
import { Lease, LoadControl } from '../../agent/load-control.ts';
import { Tally } from '../../agent/tally.ts';
import { seededRandom } from '../../measurement/random.ts';
import { memoryLinkPair } from '../../net/links/memory-link.ts';
import { Stack } from '../../net/stack.ts';
import { ENDED, READABLE } from '../../net/tcp/events.ts';
import type { LoadCounts } from '../../protocol/messages.ts';
import { packetPorts } from '../../protocol/packet-ports.ts';
import { leaseOf, order } from './flood-fixture.ts';

const client = 0xc612_0002;
const server = 0xc613_ff01;
const port = 80;

test('NamesInTurn gives every name once before it gives one again', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 5 }),
      fc.integer({ min: 1, max: 3 }),
      fc.integer({ min: 1, max: 9 }),
      (sourceCount, targetCount, portCount) => {
        const sources = Array.from({ length: sourceCount }, (_, index) => client + index);
        const targets = Array.from({ length: targetCount }, (_, index) => server + index);
        const names = new NamesInTurn({ sources, targets, ports: { low: 7, high: 6 + portCount } });
        assert.equal(names.count, sourceCount * targetCount * portCount);
        const next = (): string => {
          const name = `${names.source >>> 0} ${names.port} ${names.target >>> 0}`;
          names.advance();
          return name;
        };
        const first = Array.from({ length: names.count }, next);
        assert.equal(new Set(first).size, names.count);
        assert.deepEqual(Array.from({ length: names.count }, next), first);
      },
    ),
  );
});

test('NamesInTurn has nearly all ports, whatever the kernel keeps for itself', () => {
  const names = new NamesInTurn({ sources: [client], targets: [server] });
  assert.equal(names.count, packetPorts.high - packetPorts.low + 1);
  assert.equal(names.port, 1024);
});

test('NamesInTurn without an address is refused', () => {
  assert.throws(() => new NamesInTurn({ sources: [], targets: [server] }), /0 source and 1 target/);
});

test('flood() counts names that rest as noPort, when there are no others', () => {
  const { counts } = floodInMemory({ close: 'client-fin' }, 4, 60_000);
  assert.equal(counts.completed, 4);
  const { noPort, ...others } = counts.failed;
  assert.ok(noPort > 4, `${noPort}`);
  assert.deepEqual(
    Object.values(others).filter((count) => count > 0),
    [],
  );
});

test('flood() takes names again that have had their rest', () => {
  const { counts } = floodInMemory({ close: 'client-fin' }, 4, 50);
  assert.ok(counts.completed >= 8 && counts.completed <= 4 * 13, `${counts.completed} connections`);
});

test('flood() takes names again at once that need no rest', () => {
  // A server in TIME_WAIT knows a newer SYN by its timestamp (RFC 6191): its names come back after a millisecond or more.
  for (const [close, ports] of [
    ['client-rst', 4],
    ['server-fin', 200],
  ] as const) {
    const { counts } = floodInMemory({ close, load: { kind: 'closed', concurrency: 2 } }, ports, 60_000);
    assert.ok(counts.completed > 2 * ports, `${close}: ${counts.completed} connections`);
    assert.deepEqual(
      Object.values(counts.failed).filter((count) => count > 0),
      [],
    );
  }
});

test('flood() notes what its link lost, so that nobody takes it for the server', () => {
  const { notes } = floodInMemory({ close: 'client-rst' }, 16, 1000, 37);
  assert.match(notes['generator.link'] ?? '', /^of \d+ frames, in and out, 37 were dropped at this end; /);
});

/**
 * A flood of 0.5 s by so few ports, against an echo server at the other end of the wire.
 * @param overflows what the link says that it lost.
 */
function floodInMemory(
  changes: Partial<LoadOrder>,
  ports: number,
  timeWaitMs: number,
  overflows = 0,
): { readonly counts: LoadCounts; readonly notes: Readonly<Record<string, string>> } {
  const theOrder = order({ load: { kind: 'closed', concurrency: 8 }, measuredSeconds: 0.5, ...changes });
  const [near, far] = memoryLinkPair();
  const shared = { maxConnections: 1024, random: uint32() } as const;
  const stack = new Stack({
    ...shared,
    link: near,
    addresses: Uint32Array.of(client),
    timers: { timeWaitMs },
  });
  stack.setNeighbour(server, far.hardwareAddress);
  const serving = new Stack({
    ...shared,
    link: far,
    addresses: Uint32Array.of(server),
    timers: { timeWaitMs: 1 },
  });
  serving.listen(port);
  const isLast = theOrder.close === 'server-fin';

  const { load } = theOrder;
  const buffers = new Buffers({
    ...echoConversation.plan(theOrder),
    slots: load.kind === 'closed' ? load.concurrency : load.maxOpen,
    targets: [{ address: '198.19.255.1', port }],
    sources: [],
  });
  const conversation = echoConversation.create(theOrder, buffers);
  const transport = new PacketTransport({
    gathering: null,
    buffers,
    gathered: conversation.gathered,
    stack,
    link: { counters: { received: 100, transmitted: 100, overflows }, wait: () => serve(serving, isLast) },
    closeLink: () => near.close(),
    names: new NamesInTurn({
      sources: [client],
      targets: [server],
      ports: { low: 2000, high: 1999 + ports },
    }),
    targetPort: port,
    maxConnections: shared.maxConnections,
  });
  const control = new LoadControl();
  const flood = new Flood({
    order: theOrder,
    control,
    lease: new Lease(leaseOf(60)),
    conversation,
    transport,
  });
  control.start(process.hrtime.bigint());
  const { tally } = flood.run(
    (times, measureFromMs, measureUntilMs) =>
      new Tally({ control, kind: load.kind, times, measureFromMs, measureUntilMs }),
  );
  assert.ok(flood.isOver);
  const notes = transport.notes();
  transport.destroy();
  buffers.unmap();
  return { counts: tally.counts(), notes };
}

/** One turn of an echo server, and a moment's sleep when there was nothing to do. */
function serve(stack: Stack, closes: boolean): void {
  const bytes = new Uint8Array(64);
  const frames = stack.poll(performance.now() * 1000);
  const count = stack.takeEvents();
  for (let index = 0; index < count; index++) {
    const id = stack.events.id[index];
    const mask = stack.events.mask[index];
    if ((mask & READABLE) !== 0 && stack.read(id, bytes, 0, 64) === 64) {
      stack.write(id, bytes, 0, 64);
      if (closes) stack.shutdown(id);
    }
    if ((mask & ENDED) !== 0 || stack.errorOf(id) !== 0) stack.close(id);
  }
  stack.flush();
  if (frames === 0) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1);
}

function uint32(): () => number {
  const random = seededRandom(1, 'names');
  return () => Math.floor(random() * 2 ** 32);
}
