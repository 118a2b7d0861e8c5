/** A peer without a TCP, made by scapy (scapy_peer.py): it sends the frames it is told to, and tells those that come. */

import assert from 'node:assert/strict';
import { type ChildProcessByStdio, spawn, spawnSync } from 'node:child_process';
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';

export const patienceMs = 20_000;

type OptionValue = number | null | readonly number[] | { readonly hex: string };
/** Name or kind as scapy has it, and its value. */
export type Option = readonly [string | number, OptionValue];

/** Fields of scapy's layers, by scapy's names. What is not named is made right. */
export interface CraftedFrame {
  readonly ether: { readonly dst: string; readonly src?: string };
  readonly ip: Readonly<Record<string, string | number>>;
  readonly tcp?: Readonly<Record<string, string | number | readonly Option[]>>;
  /** In hexadecimal: what is behind the headers. */
  readonly data?: string;
}

export interface HeardFrame {
  readonly ip: { readonly src: string; readonly dst: string; readonly len: number };
  readonly tcp: {
    readonly sport: number;
    readonly dport: number;
    readonly seq: number;
    readonly ack: number;
    /** Letters as scapy has them: "SA". */
    readonly flags: string;
    readonly window: number;
    readonly options: readonly (readonly [string, number | string | null | readonly number[]])[];
  };
  /** In hexadecimal. */
  readonly data: string;
  /** Whether both checksums are those that scapy counts. */
  readonly sound: boolean;
  /** When it came, of the kernel's clock. */
  readonly atMs: number;
}

/** The interpreter that has scapy; null: none has. */
export const scapyPython =
  ['/usr/bin/python3', 'python3'].find(
    (python) => spawnSync(python, ['-c', 'import scapy.config'], { stdio: 'ignore' }).status === 0,
  ) ?? null;

export class ScapyPeer {
  /** TCP segments, in order; nothing that the kernel here is sent. */
  readonly heard: HeardFrame[] = [];
  readonly #child: ChildProcessByStdio<Writable, Readable, null>;
  #isReady = false;

  private constructor(device: string, kernelAddress: string) {
    this.#child = spawn(scapyPython as string, ['test/net-attack/scapy_peer.py', device, kernelAddress], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    createInterface(this.#child.stdout).on('line', (line) => {
      const { kind, ...frame } = JSON.parse(line) as { kind: string } & HeardFrame;
      if (kind === 'ready') this.#isReady = true;
      if (kind === 'tcp') this.heard.push(frame);
    });
  }

  /** On a device of the calling thread's namespace. */
  static async on(device: string, kernelAddress: string): Promise<ScapyPeer> {
    const peer = new ScapyPeer(device, kernelAddress);
    await until(() => peer.#isReady, 'scapy');
    return peer;
  }

  send(segments: readonly CraftedFrame[]): void {
    this.#child.stdin.write(`${JSON.stringify({ segments })}\n`);
  }

  end(): void {
    this.#child.kill('SIGKILL');
  }
}

/** Waits until `isSo`. @throws naming `what`, after a long while. */
export async function until(isSo: () => boolean, what: string): Promise<void> {
  const deadline = performance.now() + patienceMs;
  while (!isSo()) {
    assert.ok(performance.now() < deadline, `${what}: not in ${patienceMs} ms`);
    await sleep(1);
  }
}
