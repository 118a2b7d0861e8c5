/**
 * A flood in a process of its own, for tests that take something away from a process: ports, descriptors, system calls,
 * or all of its time. Takes changes to the usual order as JSON; with `serve`, the server is in it, too. Prints lines of
 * JSON: `accepted` as it goes, and the result.
 */

import { denySystemCall } from './deny-system-call.ts';
import { echo, flood, leaseOf, order, serverThat, started } from './flood-fixture.ts';

interface ChildOrder {
  readonly changes: Parameters<typeof order>[0];
  readonly serve: boolean;
  readonly denyIoUring: boolean;
  readonly leaseSeconds: number;
}

const { changes, serve, denyIoUring, leaseSeconds } = JSON.parse(process.argv[2] ?? '') as ChildOrder;
if (denyIoUring) denySystemCall(425);

const say = (line: object): void => {
  process.stdout.write(`${JSON.stringify(line)}\n`);
};
const server = serve ? await serverThat(echo({ requestBytes: 64, responseBytes: 64 })) : null;
const theOrder = order(server === null ? changes : { ...changes, port: server.port });
if (leaseSeconds < 60) {
  const thread = await started(theOrder, leaseOf(leaseSeconds));
  say({ started: true });
  const { stoppedEarly, lifetime } = await thread.result;
  say({ stoppedEarly, lifetime, backend: thread.backend });
} else say(await flood(theOrder));
await server?.[Symbol.asyncDispose]();
