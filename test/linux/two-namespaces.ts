/**
 * Two network namespaces joined by a veth pair, made for one test and gone with it: `left` is 198.18.7.1, `right` is
 * 198.18.7.2. Sockets and links belong to the namespace that they were opened in, so one thread holds both ends.
 */

import { execFileSync } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import type { TestContext } from 'node:test';
import { namespacesRefused } from '../../coordinator/labs/possible.ts';
import { enterNetworkNamespace, inNewNetworkNamespace } from '../../linux/thread.ts';

export const leftAddress = 0xc612_0701;
export const rightAddress = 0xc612_0702;
export const leftHardware = Uint8Array.of(2, 0xc6, 0x12, 7, 0, 1);
export const rightHardware = Uint8Array.of(2, 0xc6, 0x12, 7, 0, 2);

const refused = namespacesRefused();
/** For test(): skips with the reason where namespaces cannot be made. */
export const inNamespaces = {
  skip: refused === null ? false : `no namespaces here: ${refused}`,
  timeout: 60_000,
} as const;

export class Namespace {
  readonly #fd: number;

  constructor() {
    this.#fd = inNewNetworkNamespace(ownNamespace);
  }

  /** A path that other programs may open while this lives. */
  get path(): string {
    return `/proc/${process.pid}/fd/${this.#fd}`;
  }

  /** Does `work`, which must not wait, with this thread inside; afterwards it is where it was. */
  inside<Result>(work: () => Result): Result {
    const back = ownNamespace();
    try {
      enterNetworkNamespace(this.path);
      return work();
    } finally {
      enterNetworkNamespace(`/proc/self/fd/${back}`);
      closeSync(back);
    }
  }

  run(program: string, ...parameters: readonly string[]): string {
    return this.inside(() => execFileSync(program, parameters, { encoding: 'utf8', stdio: 'pipe' }));
  }

  close(): void {
    closeSync(this.#fd);
  }
}

function ownNamespace(): number {
  return openSync('/proc/thread-self/ns/net', 'r');
}

export interface TwoNamespaces {
  readonly left: Namespace;
  readonly right: Namespace;
}

/** The devices are called `left` and `right`. */
export function twoNamespaces(
  t: TestContext,
  { queues = 1, addresses = true }: { readonly queues?: number; readonly addresses?: boolean } = {},
): TwoNamespaces {
  const left = new Namespace();
  const right = new Namespace();
  t.after(() => {
    left.close();
    right.close();
  });
  const count = ['numtxqueues', `${queues}`, 'numrxqueues', `${queues}`];
  const end = (name: string, hardware: Uint8Array): string[] => [
    ...[
      'name',
      name,
      'address',
      Buffer.from(hardware)
        .toString('hex')
        .replace(/..(?!$)/g, '$&:'),
      ...count,
    ],
  ];
  left.run(
    ...(['ip', 'link', 'add', ...end('left', leftHardware), 'type', 'veth'] as const),
    ...['peer', ...end('right', rightHardware), 'netns', right.path],
  );
  for (const [namespace, name, own] of [
    [left, 'left', '198.18.7.1'],
    [right, 'right', '198.18.7.2'],
  ] as const) {
    for (const setting of ['all', 'default'])
      namespace.run('sh', '-c', `echo 1 > /proc/sys/net/ipv6/conf/${setting}/disable_ipv6`);
    namespace.run('ip', 'link', 'set', 'lo', 'up');
    if (addresses) namespace.run('ip', 'address', 'add', `${own}/24`, 'dev', name);
    namespace.run('ip', 'link', 'set', name, 'up');
  }
  return { left, right };
}
