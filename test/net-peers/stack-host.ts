/** A stack in the test's own process, on a link of the kernel's, in its turns with the event loop. */

import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import type { LinkKind } from '../../linux/links.ts';
import { openLink } from '../../linux/open-link.ts';
import { seededRandom } from '../../measurement/random.ts';
import { type Faults, faultyLink } from '../../net/links/faulty-link.ts';
import type { KernelLink } from '../../net/links/link.ts';
import { kernelLinkAround } from '../../net/links/link-around.ts';
import { Stack, type StackOptions } from '../../net/stack.ts';
import { StackTurns } from '../conformance/stack-turns.ts';
import type { Namespace } from '../linux/two-namespaces.ts';

export interface StackHostOptions {
  readonly kind: LinkKind;
  readonly namespace: Namespace;
  readonly device: string;
  /** Whether `port` is the stack's own, or that of its peers. */
  readonly role: 'server' | 'client';
  readonly port: number;
  readonly addresses: Uint32Array;
  /** Of what the stack sends. */
  readonly faults?: Faults;
  readonly stack?: Partial<Pick<StackOptions, 'maxConnections' | 'timers' | 'buffers' | 'backlog'>>;
}

export interface StackHost {
  readonly stack: Stack;
  readonly link: KernelLink;
  /** From now on it has its turns, until the test is over. */
  run(
    happened: (id: number, mask: number, nowUs: number) => void,
    eachTurn?: (nowUs: number) => void,
  ): StackTurns;
}

/** Gone when the test is over. @param seed of faults and of what the stack draws. */
export function stackHost(t: TestContext, seed: number, options: StackHostOptions): StackHost {
  const { kind, namespace, device, role, port, addresses, faults } = options;
  const request = { wish: kind, devices: [device], role, port, addresses, threads: 1 } as const;
  const opened = namespace.inside(() => openLink(request));
  t.after(() => opened.close());
  const fate = seededRandom(seed, 'faults');
  const link =
    faults === undefined
      ? opened.link
      : kernelLinkAround(opened.link, (inner) => faultyLink(inner, faults, fate));
  const random = seededRandom(seed, 'stack');
  const stack = new Stack({
    maxConnections: 65_536,
    ...options.stack,
    link,
    addresses,
    random: () => Math.floor(random() * 2 ** 32),
    answers: { arp: !opened.kernelAnswers, ping: !opened.kernelAnswers },
  });
  if (role === 'server') stack.listen(port);
  return {
    stack,
    link,
    run: (happened, eachTurn) => {
      const turns = new StackTurns({
        stack,
        link,
        happened,
        ...(eachTurn === undefined ? {} : { eachTurn }),
        failed: (error) => assert.fail(String(error)),
      });
      turns.start();
      // Before the link is closed: what is registered last runs last.
      t.after(() => turns.stop());
      return turns;
    },
  };
}
