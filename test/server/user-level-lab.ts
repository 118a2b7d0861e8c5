/**
 * Where tests of user-level run: clients in one network namespace, in which the whole test file is once it imports this;
 * servers in another, behind one device.
 */

import { after, type TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { enterNetworkNamespace } from '../../linux/thread.ts';
import type { RunningServer, ServerSpec } from '../../server-under-test/launch.ts';
import {
  Client,
  isRoot,
  type Namespaces,
  openNamespaces,
  parsedResponse,
  runningServer,
} from './under-test.ts';

const opened = isRoot ? await openNamespaces() : null;
if (opened !== null) enterNetworkNamespace(opened.clientPath);
after(() => opened?.close());

/** For test(): skips with the reason where there is no lab. */
export const inLab = {
  skip: opened === null && 'only root makes network namespaces',
  timeout: 60_000,
};

/** Only for tests that are `inLab`. */
export const lab = opened ?? ({} as Namespaces);

export function userLevel(context: TestContext, changes: Partial<ServerSpec> = {}): Promise<RunningServer> {
  return runningServer(context, {
    variant: 'user-level',
    namespace: lab.serverPath,
    addresses: [lab.serverAddress],
    ...changes,
  });
}

export async function page(port: number, path = '/'): Promise<Buffer> {
  const client = await Client.to(port, lab.serverAddress);
  client.send(`GET ${path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`);
  return parsedResponse(await client.untilEnd()).body;
}

/** Holds until `isSo`, or the test's own time is over. */
export async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) await sleep(20);
}

/** A mark has been taken: three reports came since, and the server's process reads what it is told between two of them. */
export async function marked(server: RunningServer): Promise<void> {
  for (let reports = 0; reports < 3; reports++) {
    const last = server.accepted();
    await until(() => server.accepted() !== last);
  }
}
