/**
 * A proxy with two network cards: each request goes on to a server, by a connection of the proxy's own.
 *
 * Answers of the server arrive on the core that their flow's hash names, unless the proxy chooses its source port so that this
 * is its own (receive flow deliver). Their way out to the client's card takes a transmit queue by the flow's hash, which is another
 * core's in all but one of as many cases as there are queues, or by the core that sends. Session threads wait in a ring
 * (first in, first out; several in a line or padded) or on a stack.
 */

import type { Design, Operation } from './design.ts';
import { allocates, writes } from './operations.ts';
import { partitionedSteps } from './partitioned.ts';
import { reuseport } from './reuseport.ts';
import { closesFile, exchange, opensFile, stock } from './stock.ts';

const transmits = (by: 'hash' | 'cpu' | 'fixed'): Operation => ({ kind: 'transmit', by });

const transmitting = (by: 'hash' | 'cpu' | 'fixed'): Pick<Design['steps'], 'receive' | 'serve'> => ({
  receive: exchange.receive,
  serve: [...exchange.serve, transmits(by)],
});

const ring: readonly Operation[] = [writes('session ring', 3)];
const paddedRing: readonly Operation[] = [writes('padded session ring', 3)];
const stack: readonly Operation[] = [writes('session stack', 1)];

const proxied = (
  name: string,
  about: string,
  pool: readonly Operation[],
  by: 'hash' | 'cpu' | 'fixed',
): Design => ({
  ...stock,
  name,
  about,
  backend: { answersAt: 'hash' },
  steps: { ...stock.steps, ...transmitting(by), accept: [...stock.steps.accept, ...pool] },
});

export const proxy = proxied(
  'proxy',
  'shared listening socket, session ring, transmit queue by hash',
  ring,
  'hash',
);

export const proxyVariants: readonly Design[] = [
  proxied(
    'proxy-padded',
    'shared listening socket, padded session ring, transmit queue by hash',
    paddedRing,
    'hash',
  ),
  proxied('proxy-lifo', 'shared listening socket, session stack, transmit queue by hash', stack, 'hash'),
  proxied(
    'proxy-cpu',
    'shared listening socket, session stack, transmit queue of the sending core',
    stack,
    'cpu',
  ),
  proxied(
    'proxy-fixed',
    'shared listening socket, session stack, one transmit queue for all',
    stack,
    'fixed',
  ),
];

export const proxyFastsocket: Design = {
  name: 'proxy-fastsocket',
  about: "local tables, no file layer; the server's answers arrive where the process is",
  costs: { connection: 'fastsocket', transaction: 'fastsocket' },
  queues: 'packet-core',
  locks: { 'own listener': 'per queue' },
  mutexes: ['own listener'],
  backend: { answersAt: 'process-core' },
  steps: partitionedSteps({ opens: [], closes: [], exchange: transmitting('cpu') }),
};

export const proxyReuseport: Design = {
  ...reuseport,
  name: 'proxy-reuseport',
  about: "a listening socket a worker; the server's answers arrive by hash",
  backend: { answersAt: 'hash' },
  steps: partitionedSteps({
    opens: [...opensFile, allocates('epoll item')],
    closes: closesFile,
    exchange: transmitting('hash'),
  }),
};
