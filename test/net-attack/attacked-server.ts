/**
 * The user-level server behind AF_XDP that all attacks of a file are on, in a namespace of its own, and the namespace that
 * they come from: the test's thread is there. Whatever was sent, an honest client of the kernel's must still be served.
 */

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after } from 'node:test';
import { hardwareAddressOf } from '../../linux/device-settings.ts';
import { enterNetworkNamespace } from '../../linux/thread.ts';
import { launchServer, type RunningServer, type ServerSpec } from '../../server-under-test/launch.ts';
import { Client, echoRequest, isRoot, openNamespaces, specOf, within } from '../server/under-test.ts';
import { Attack } from './crafted-client.ts';
import { ScapyPeer, scapyPython } from './scapy-peer.ts';

export const requestBytes = 64;
export const responseBytes = 640;
/** In the clients' namespace. */
export const device = 'load';
export const kernelAddress = '198.18.77.1';
/** Of crafted clients: nobody has it. */
export const craftedAddress = '198.18.77.50';

/** For test(): skips with the reason where there can be no such server. */
export const inLab = { skip: !isRoot && 'only root makes network namespaces', timeout: 60_000 };
/** The same, for what scapy makes. */
export const withScapy = {
  ...inLab,
  skip: inLab.skip || (scapyPython === null && 'scapy is not installed: apt-get install python3-scapy'),
};

export interface AttackedServer {
  readonly server: RunningServer;
  readonly address: string;
  readonly port: number;
  readonly hardware: Uint8Array;
  /** Runs a program in the server's namespace. */
  beside(program: string, ...args: string[]): string;
  /** Frames on the wire until now, as the kernel counts them at the attackers' end. */
  frames(): { readonly sent: number; readonly received: number };
  /** Milliseconds until an honest client was answered. @throws when it is not, in time. */
  serve(limitMs?: number): Promise<number>;
  /** Bytes of memory that are the server's alone. */
  memoryBytes(): number;
}

/** An echo server of one core. It is gone when the file's tests are over. */
export async function attackedServer(changes: Partial<ServerSpec> = {}): Promise<AttackedServer> {
  const lab = await openNamespaces();
  after(() => lab.close());
  enterNetworkNamespace(lab.clientPath);
  lab.client('sh', '-c', 'echo 0 > /proc/sys/net/ipv4/ip_forward');
  // The answers to forged sources find their way back, and end here.
  lab.server('ip', 'route', 'add', '198.18.0.0/15', 'via', kernelAddress);
  const server = await launchServer(
    specOf({
      variant: 'user-level:af-xdp',
      application: 'echo',
      messages: 128,
      requestBytes,
      responseBytes,
      cores: [0],
      namespace: lab.serverPath,
      addresses: [lab.serverAddress],
      readyMs: 20_000,
      ...changes,
    }),
  ).catch((error: unknown) => {
    lab.close();
    throw error;
  });
  after(() => server.kill());
  const answerBytes = changes.responseBytes ?? responseBytes;
  let nonce = 0;
  let end = 'lives';
  void server.died.then((how) => {
    end = how;
  });
  return {
    server,
    address: lab.serverAddress,
    port: server.port,
    hardware: within(lab.serverPath, () => hardwareAddressOf('serve')),
    beside: (program, ...args) => lab.server(program, ...args),
    frames: () => {
      const line = readFileSync('/proc/thread-self/net/dev', 'latin1')
        .split('\n')
        .find((text) => text.trim().startsWith(`${device}:`));
      const fields = line?.split(':')[1]?.trim().split(/\s+/).map(Number) ?? [];
      return { received: fields[1] ?? Number.NaN, sent: fields[9] ?? Number.NaN };
    },
    serve: async (limitMs = 20_000) => {
      const startedMs = performance.now();
      const client = await Client.to(server.port, lab.serverAddress).catch((error: Error) => {
        throw new Error(`Cannot connect to the server, which ${end}: ${error.message}`);
      });
      try {
        const request = echoRequest(requestBytes, ++nonce);
        client.send(request);
        const answer = await client.until(answerBytes, limitMs);
        assert.deepEqual(answer.subarray(0, requestBytes), request);
        return performance.now() - startedMs;
      } finally {
        client.close();
      }
    },
    memoryBytes: () => {
      const status = readFileSync(`/proc/${server.pid}/smaps_rollup`, 'latin1');
      return Number(/^Private_Dirty:\s+(\d+) kB$/m.exec(status)?.[1]) * 1024;
    },
  };
}

/** Crafted clients of it, from a peer that ends with the file's tests. */
export async function attackOn(attacked: AttackedServer): Promise<Attack> {
  const peer = await ScapyPeer.on(device, kernelAddress);
  after(() => peer.end());
  const { address, port } = attacked;
  const hardware = hardwareText(attacked.hardware);
  // The kernel beside the server answers for all other ports, and is to find the crafted clients too.
  const own = hardwareText(hardwareAddressOf(device));
  attacked.beside('ip', 'neighbour', 'add', craftedAddress, 'lladdr', own, 'dev', 'serve');
  return new Attack(peer, { address, port, hardware }, craftedAddress);
}

/** As `aa:bb:…`. */
export function hardwareText(hardware: Uint8Array): string {
  return Buffer.from(hardware)
    .toString('hex')
    .replace(/..(?!$)/g, '$&:');
}
