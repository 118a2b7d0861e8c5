/** A conformance port as a suite meets it: a process in a namespace, a socket to command it, a kernel at the other end. */

import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { accessSync, mkdtempSync, rmSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { enterNetworkNamespace } from '../../linux/thread.ts';
import { inNamespaces, Namespace, twoNamespaces } from '../linux/two-namespaces.ts';
import { errno } from './errno.ts';

export const linkKinds = ['af_xdp', 'af_packet', 'tap'] as const;
export type LinkKind = (typeof linkKinds)[number];

export const portAddress = '198.18.7.1';
export const clientAddress = '198.18.7.2';
export const port = 8080;

const entry = fileURLToPath(new URL('./tcp-port.js', import.meta.url));
const patienceMs = 20_000;

/** For test(): skips with the reason where the link cannot be. */
export function inLabOf(kind: LinkKind): { readonly skip: string | false; readonly timeout: number } {
  if (inNamespaces.skip !== false || kind !== 'tap') return inNamespaces;
  try {
    accessSync('/dev/net/tun');
    return inNamespaces;
  } catch {
    return { ...inNamespaces, skip: 'there is no /dev/net/tun' };
  }
}

export interface PortLab {
  /** Where the device of the port is. */
  readonly namespace: Namespace;
  readonly device: string;
  /** As `--link` wants it. */
  readonly link: string;
  /** Where the clients are; the calling thread is there, too. */
  readonly clients: Namespace;
  readonly clientDevice: string;
}

/** The devices for a port, and the calling thread on its clients' side, until the test is over. */
export function portLab(t: TestContext, kind: LinkKind): PortLab {
  const lab = linkEnds(t, kind);
  enterNetworkNamespace(lab.clients.path);
  return lab;
}

/** Both ends of a link, until the test is over. */
export function linkEnds(t: TestContext, kind: LinkKind): PortLab {
  return kind === 'tap' ? tapEnds(t) : vethEnds(t, kind);
}

function vethEnds(t: TestContext, kind: LinkKind): PortLab {
  const { left, right } = twoNamespaces(t);
  return { namespace: left, device: 'left', link: `${kind}:left`, clients: right, clientDevice: 'right' };
}

/** The kernel is the other machine on the device: both are in one namespace. */
function tapEnds(t: TestContext): PortLab {
  const namespace = new Namespace();
  t.after(() => namespace.close());
  namespace.run('sh', '-c', 'echo 1 > /proc/sys/net/ipv6/conf/default/disable_ipv6');
  namespace.run('ip', 'link', 'set', 'lo', 'up');
  namespace.run('ip', 'tuntap', 'add', 'dev', 'tap0', 'mode', 'tap');
  namespace.run('ip', 'address', 'add', `${clientAddress}/24`, 'dev', 'tap0');
  namespace.run('ip', 'link', 'set', 'tap0', 'up');
  return { namespace, device: 'tap0', link: 'tap:tap0', clients: namespace, clientDevice: 'tap0' };
}

export interface PortProcess {
  readonly process: ChildProcess;
  readonly ready: string;
  readonly path: string;
  /** A connection of its own to the control socket. */
  control(): Promise<Control>;
  /** Its exit status, or the signal that ended it. */
  readonly ended: Promise<number | string>;
}

/** Gone when the test is over. */
export async function startPort(
  t: TestContext,
  lab: PortLab,
  {
    path = controlPath(t),
    options = [],
  }: { readonly path?: string; readonly options?: readonly string[] } = {},
): Promise<PortProcess> {
  const words = ['--link', lab.link, '--address', portAddress, '--port', `${port}`, '--control', path];
  const child = lab.namespace.inside(() =>
    spawn(process.execPath, [entry, ...words, ...options], { stdio: ['ignore', 'pipe', 'inherit'] }),
  );
  const ended = once(child, 'exit').then(([status, signal]) => (status ?? signal) as number | string);
  t.after(async () => {
    child.kill('SIGKILL');
    await ended;
  });
  const { stdout } = child;
  assert.ok(stdout !== null);
  const said = once(stdout, 'data').then(([bytes]) => String(bytes));
  const ready = await Promise.race([said, ended.then((status) => `ended with ${status}`)]);
  assert.match(ready, /^ready: /);
  return { process: child, ready, path, ended, control: () => Control.to(t, path) };
}

export function controlPath(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'tcp-port-'));
  t.after(() => rmSync(folder, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 }));
  return join(folder, 'control');
}

/** Runs it to its end, with these words. */
export async function portSays(words: readonly string[]) {
  const child = spawn(process.execPath, [entry, ...words], { stdio: ['ignore', 'pipe', 'pipe'] });
  let [out, error] = ['', ''];
  child.stdout.on('data', (bytes) => {
    out += bytes;
  });
  child.stderr.on('data', (bytes) => {
    error += bytes;
  });
  const [status] = await once(child, 'close');
  return { status, out, error };
}

/** Commands, one after the other. */
export class Control {
  readonly #socket: Socket;
  #text = '';

  constructor(socket: Socket) {
    this.#socket = socket;
    socket.on('data', (bytes) => {
      this.#text += bytes;
    });
  }

  static async to(t: TestContext, path: string): Promise<Control> {
    const socket = connect(path);
    t.after(() => socket.destroy());
    await once(socket, 'connect');
    return new Control(socket);
  }

  /** @returns the answers of the port to so many lines. */
  async ask(text: string, answers: number): Promise<number[]> {
    this.#socket.write(text);
    while (this.#text.split('\n').length <= answers) await once(this.#socket, 'data');
    const lines = this.#text.split('\n');
    this.#text = lines.slice(answers).join('\n');
    return lines.slice(0, answers).map(Number);
  }

  async say(line: string): Promise<number> {
    const [answer = Number.NaN] = await this.ask(`${line}\n`, 1);
    return answer;
  }

  /** Says it again while it would block. */
  async until(line: string): Promise<number> {
    const deadline = performance.now() + patienceMs;
    for (;;) {
      const answer = await this.say(line);
      if (answer !== -errno.EAGAIN) return answer;
      assert.ok(performance.now() < deadline, `${line}: −EAGAIN for ${patienceMs} ms`);
      await sleep(1);
    }
  }

  /** Says it again until it answers this: what the peer did takes a moment to arrive. */
  async becomes(line: string, wanted: number): Promise<void> {
    const deadline = performance.now() + patienceMs;
    for (let answer = await this.say(line); answer !== wanted; answer = await this.say(line)) {
      assert.ok(performance.now() < deadline, `${line}: ${answer}, wanted ${wanted}`);
      await sleep(1);
    }
  }

  end(): void {
    this.#socket.end();
  }
}
