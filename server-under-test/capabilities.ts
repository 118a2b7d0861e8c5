/** What this machine lets a server under test do: for `doctor`. Each is tried for real, and undone at once. */

import { traceHandshakes } from '../linux/bpf-handshake-stamps.ts';
import { messageOf } from '../protocol/failure.ts';
import { backlog, openListeners } from './listeners.ts';
import { findNginx } from './nginx-program.ts';
import { attachCpuSelector } from './variants/reuseport.ts';

export interface ServerCapability {
  readonly name: 'accept-wait' | 'reuseport-cpu' | 'nginx' | 'backlog';
  readonly possible: boolean;
  /** What is there; or what is missing, and what to do. */
  readonly detail: string;
}

export function serverCapabilities(): ServerCapability[] {
  return [acceptWait(), reuseportCpu(), nginxProgram(), queueLength()];
}

function acceptWait(): ServerCapability {
  return attempt('accept-wait', () => {
    // Port 1: nobody's connections are stamped meanwhile.
    traceHandshakes(1).stop();
    return 'accept wait is measured, by BPF on sock:inet_sock_set_state';
  });
}

function reuseportCpu(): ServerCapability {
  return attempt('reuseport-cpu', () => {
    const listeners = openListeners({
      addresses: ['127.0.0.1'],
      port: 0,
      perAddress: 1,
      reusePort: true,
      blockingTurnMs: null,
    });
    try {
      attachCpuSelector(listeners.sockets[0]?.[0] as number, [0]);
    } finally {
      listeners.close();
    }
    return 'reuseport:cpu can choose listeners by core';
  });
}

function nginxProgram(): ServerCapability {
  const program = findNginx();
  return {
    name: 'nginx',
    possible: program !== null,
    detail: program ?? 'not installed; "apt-get install nginx-light" for the nginx variants',
  };
}

const wantedBacklog = 1024;

function queueLength(): ServerCapability {
  const length = backlog();
  return {
    name: 'backlog',
    possible: length >= wantedBacklog,
    detail:
      length >= wantedBacklog
        ? `up to ${length} connections may wait to be accepted`
        : `only ${length} connections may wait to be accepted; "sysctl -w net.core.somaxconn=4096" for more`,
  };
}

function attempt(name: ServerCapability['name'], tryIt: () => string): ServerCapability {
  try {
    return { name, possible: true, detail: tryIt() };
  } catch (error) {
    const needs =
      name === 'accept-wait' ? '; needs CAP_BPF and CAP_PERFMON (root), and a kernel with BTF' : '';
    return { name, possible: false, detail: `${messageOf(error)}${needs}` };
  }
}
