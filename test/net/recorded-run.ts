/**
 * Twelve conversations between two stacks over a bad network, recorded frame by frame. The same seed and the same parts
 * make the same record. As a program it prints the record: what is a matter of the process is told by its environment.
 */

import { pathToFileURL } from 'node:url';
import { faultyLink } from '../../net/links/faulty-link.ts';
import { memoryLinkPair } from '../../net/links/memory-link.ts';
import { traceLink } from '../../net/links/trace-link.ts';
import { Stack } from '../../net/stack.ts';
import { ACCEPTED, CONNECTED, ENDED, FAILED } from '../../net/tcp/events.ts';
import type { Parts } from '../../net/tcp/settings.ts';
import { words } from './script.ts';

export interface RecordedRun {
  readonly frames: readonly string[];
  /** What each server connection read, and each client connection, as text; in the order of their ports. */
  readonly read: readonly string[];
  readonly failures: number;
}

const clientAddress = 0xc612_0001;
const serverAddress = 0xc612_0002;
const conversations = 12;
const faults = { loss: 0.05, duplicate: 0.02, corrupt: 0.02, reorder: 0.05, delayUs: 400, jitterUs: 200 };

export function recordRun(seed: number, parts: Partial<Parts>): RecordedRun {
  const random = words(seed);
  const unit = (): number => random() / 2 ** 32;
  const [there, here] = memoryLinkPair();
  const frames: string[] = [];
  const shared = { random, parts, maxConnections: 32 };
  const client = new Stack({
    ...shared,
    link: traceLink(faultyLink(there, faults, unit), (line) => frames.push(line)),
    addresses: Uint32Array.of(clientAddress),
  });
  const server = new Stack({
    ...shared,
    link: faultyLink(here, faults, unit),
    addresses: Uint32Array.of(serverAddress),
  });
  client.setNeighbour(serverAddress, here.hardwareAddress);
  server.listen(80);
  const read = new Map<string, string>();
  const toSend = new Map<string, Buffer>();
  let failures = 0;
  let open = 2 * conversations;
  for (let index = 0; index < conversations; index++)
    client.connect(clientAddress, 2_000 + index, serverAddress, 80);

  const turn = (stack: Stack, name: 'client' | 'server', nowUs: number): void => {
    stack.poll(nowUs);
    const count = stack.takeEvents();
    for (let index = 0; index < count; index++) {
      const [id, mask] = [stack.events.id[index], stack.events.mask[index]];
      const port = name === 'client' ? stack.localPort(id) : stack.remotePort(id);
      const key = `${name} ${port}`;
      if ((mask & FAILED) !== 0) {
        failures++;
        stack.close(id);
        open--;
        continue;
      }
      if ((mask & (ACCEPTED | CONNECTED)) !== 0)
        toSend.set(key, Buffer.from(`${key}: ${'0123456789'.repeat((port - 1_999) * 300)}`));
      const into = new Uint8Array(stack.readable(id));
      stack.read(id, into, 0, into.length);
      read.set(key, (read.get(key) ?? '') + Buffer.from(into).toString('latin1'));
      const rest = toSend.get(key) ?? Buffer.alloc(0);
      toSend.set(key, rest.subarray(stack.write(id, rest, 0, rest.length)));
      if (toSend.get(key)?.length === 0) stack.shutdown(id);
      if ((mask & ENDED) === 0) continue;
      stack.close(id);
      open--;
    }
    stack.flush();
  };

  let nowUs = 5_000;
  while (open > 0) {
    turn(client, 'client', nowUs);
    turn(server, 'server', nowUs);
    turn(client, 'client', nowUs);
    const dueUs = Math.min(client.nextDueUs(), server.nextDueUs());
    if (dueUs === Number.POSITIVE_INFINITY) break;
    nowUs = Math.max(nowUs, dueUs);
  }
  return { frames, read: [...read].sort().map(([key, text]) => `${key} read ${text}`), failures };
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href)
  process.stdout.write(JSON.stringify(recordRun(Number(process.argv[2]), {})));
