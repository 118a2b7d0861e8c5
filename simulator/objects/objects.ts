/**
 * What the kernel's connection path keeps in memory, in cache lines: what a core touches, and what moves when another does.
 *
 * An object is a group of lines that are touched together and so share one place in the directory. `scope` says how many there
 * are: one for all, one a socket, one a core, one a queue of connections to accept, one a connection. `falseSharing`: its users want different words of the same lines. Line
 * counts are those of the kernels' structures (tcp_sock hot part, request_sock, file + dentry + inode, epitem, sk_buff).
 */

export interface LineGroup {
  readonly scope: 'machine' | 'socket' | 'core' | 'queue' | 'connection';
  readonly about: string;
  readonly falseSharing?: boolean;
}

export const objects = {
  listener: { scope: 'machine', about: 'listening socket: lock word, backlog, accept queue head and tail' },
  'own listener': {
    scope: 'queue',
    about: 'a listening socket, or queue of one, that a core has for itself',
  },
  'request hash': { scope: 'machine', about: 'half-open connections by hash' },
  'request hash bucket': { scope: 'queue', about: "a core's part of the half-open connections" },
  'tcp_sock hot': {
    scope: 'connection',
    about: 'sequence numbers, windows, queues: touched by every packet',
  },
  'tcp_sock cold': { scope: 'connection', about: 'set up and torn down once a connection' },
  sk_buff: { scope: 'connection', about: 'packet headers and payload on their way to the process' },
  'file layer': { scope: 'machine', about: 'table of files, dentry and inode lists' },
  'file, inode, dentry': { scope: 'connection', about: 'what makes a socket a file' },
  'epoll item': { scope: 'connection', about: 'interest and ready list entry' },
  'established hash': { scope: 'core', about: 'connections by four-tuple, of one core' },
  'device and allocator': {
    scope: 'machine',
    about: 'device statistics, page and slab lists, timers: a few lines a packet that all cores write',
  },
  'unpadded counters': { scope: 'machine', about: 'per-core counters in the same lines', falseSharing: true },
  'padded counters': { scope: 'core', about: 'per-core counters, each in lines of its own' },
  'session ring': {
    scope: 'machine',
    about: 'idle session threads of a proxy, first in first out, several in a line',
    falseSharing: true,
  },
  'padded session ring': { scope: 'core', about: 'the same, each in a line of its own' },
  'session stack': {
    scope: 'core',
    about: 'the same, last in first out: the thread whose stack is still in the cache',
  },
  'transmit queue': { scope: 'core', about: "a card's transmit ring, of one core" },
  'device and pools': {
    scope: 'socket',
    about: 'the same of a stack in the process, which takes packets from pools of its own node',
  },
  'rps backlog': { scope: 'core', about: 'packets that the interrupted core hands on to another one' },
} as const satisfies Readonly<Record<string, LineGroup>>;

export type ObjectName = keyof typeof objects;
export const objectNames = Object.keys(objects) as ObjectName[];
