/** What a transfer achieves by loss and buffer size, as a table that a person reads: exact, for time is virtual. */

import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { type SimulatedHost, SimulatedNetwork } from './simulated-network.ts';
import { TransferClient, TransferServer } from './transfer.ts';

const path = 'test/net-simulation/goodput.snapshot.txt';
const megabitsPerSecond = 100;
const delayUs = 10_000;
const queueBytes = 125_000;
const responseBytes = 2_000_000;
const transfers = 4;
const losses = [0, 0.001, 0.01, 0.05, 0.1, 0.2];
const bufferKilobytes = [4, 16, 64, 256, 1_024];
const port = 80;

test('goodput by loss and buffer size is what it was', () => {
  const table = goodputTable();
  if (process.env.STAMPEDE_RENEW === '1') writeFileSync(path, table);
  assert.equal(
    table,
    readFileSync(path, 'utf8'),
    `${path} is another now: look whether that is right, then renew it with STAMPEDE_RENEW=1`,
  );
});

function goodputTable(): string {
  const rows = losses.map((loss) => {
    const cells = bufferKilobytes.map((kilobytes) => goodput(loss, kilobytes * 1_024).toFixed(2));
    return [`${loss * 100} %`, ...cells];
  });
  const head = ['loss', ...bufferKilobytes.map((kilobytes) => `${kilobytes} KiB`)];
  const lines = [head, ...rows].map((cells) =>
    cells
      .map((cell) => cell.padStart(9))
      .join('')
      .trimEnd(),
  );
  return [
    `Goodput in Mbit/s of ${transfers} transfers of ${responseBytes / 1e6} MB, one after the other, handshakes included,`,
    `by loss of frames each way and size of the buffer at each end. The link: ${megabitsPerSecond} Mbit/s,`,
    `${(2 * delayUs) / 1_000} ms there and back, a queue of ${queueBytes / 1_000} kB.`,
    '',
    ...lines,
    '',
  ].join('\n');
}

/** Mbit/s. */
function goodput(loss: number, largeBytes: number): number {
  const options = {
    stack: { buffers: { smallBytes: 2_048, largeBytes, memoryBytes: 32 * largeBytes } },
    faults: { loss, delayUs },
    shape: { bitsPerSecond: megabitsPerSecond * 1e6, queueBytes },
  };
  const network = new SimulatedNetwork({ seed: 7, hosts: [options, options] });
  const [server, far] = network.hosts as [SimulatedHost, SimulatedHost];
  server.stack.listen(port);
  server.application = new TransferServer(responseBytes);
  const client = new TransferClient({
    transfers,
    concurrency: 1,
    responseBytes,
    localAddress: far.address,
    remoteAddress: server.address,
    remotePort: port,
  });
  far.application = client;
  network.runUntil(() => client.isDone, 24 * 3_600e6);
  assert.equal(client.failed, 0);
  return (transfers * responseBytes * 8) / network.nowUs;
}
