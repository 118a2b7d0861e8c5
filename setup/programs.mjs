/** The programs Stampede calls, and where Debian has them. Installed when root, named when not. */

import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { isInstalled, runProgram, say } from './run-program.mjs';

/** Without a needed one set-up stops; without another one it says what will not work, and goes on. */
const programs = [
  { program: 'redis-server', from: 'redis-server', needed: true, without: 'no run is possible' },
  { program: 'ip', from: 'iproute2', needed: false, without: 'the lab "namespaces" is not possible' },
  { program: 'nsenter', from: 'util-linux', needed: false, without: 'the lab "namespaces" is not possible' },
  { program: 'setpriv', from: 'util-linux', needed: false, without: 'the lab "namespaces" is not possible' },
  { program: 'ethtool', from: 'ethtool', needed: false, without: 'offloads are not recorded' },
];

const programsOfTests = [
  {
    program: 'nginx',
    from: 'nginx-light',
    needed: false,
    without: 'tests of the nginx variants are skipped',
  },
  { program: 'wrk', from: 'wrk', needed: false, without: 'the comparison with wrk is skipped' },
  { program: 'ab', from: 'apache2-utils', needed: false, without: 'tests with ab are skipped' },
  { program: 'h2load', from: 'nghttp2-client', needed: false, without: 'tests with h2load are skipped' },
  { program: 'curl', from: 'curl', needed: false, without: 'tests with curl are skipped' },
  { program: 'nmap', from: 'nmap', needed: false, without: 'tests with nmap are skipped' },
  {
    program: 'scapy3',
    from: 'python3-scapy',
    needed: false,
    without: 'tests with segments made by scapy are skipped',
  },
  {
    program: 'capsh',
    from: 'libcap2-bin',
    needed: false,
    without: 'tests with rights taken away are skipped',
  },
  {
    program: 'promtool',
    from: 'prometheus',
    needed: false,
    without: 'tests with a real Prometheus, and of its rules, are skipped',
  },
  { program: 'git', from: 'git', needed: false, without: 'tests that look into the history are skipped' },
  {
    program: 'chromium',
    from: 'chromium',
    needed: false,
    without: 'tests of the report in a browser are skipped',
  },
];

/** What Debian could not give us the last time: not asked for again for a day. */
const triedStamp = '.setup-stamp';
const dayMs = 86_400_000;

export function installPrograms({ forTests }) {
  if (forTests) tellOfK6();
  const wanted = forTests ? [...programs, ...programsOfTests] : programs;
  const missing = wanted.filter(({ program }) => !isInstalled(program));
  if (missing.length === 0) return;
  const packages = [...new Set(missing.map(({ from }) => from))];
  const isRoot = process.getuid?.() === 0;
  const askAgain = missing.some(({ needed }) => needed) || !triedToday(packages);
  if (isRoot && isInstalled('apt-get') && askAgain) {
    say(`installing ${packages.join(', ')} from Debian`);
    withoutDaemons(() => {
      apt(['update']);
      if (!install(packages) && packages.length > 1) for (const each of packages) install([each]);
    });
  }
  const still = missing.filter(({ program }) => !isInstalled(program));
  if (isRoot && askAgain && still.length > 0) {
    writeFileSync(triedStamp, JSON.stringify({ at: Date.now(), packages: still.map(({ from }) => from) }));
  }
  for (const { program, without, needed } of still) {
    if (!needed) say(`${program} is not installed: ${without}`);
  }
  const needed = still.filter((each) => each.needed);
  // Not root: one command that gets everything, optional programs too, so that it need not be run twice.
  if (needed.length === 0) return;
  const names = needed.map(({ program }) => program).join(', ');
  const command = `apt-get update && apt-get install --no-install-recommends ${packages.join(' ')}`;
  throw new Error(
    isRoot
      ? `Cannot set up Stampede: ${names} could not be installed; wanted it from Debian. Look at what apt-get said above, then: ${command}`
      : `Cannot set up Stampede: ${names} is missing, and installing it needs root. Run: sudo sh -c '${command}'`,
  );
}

/** Debian has no k6, and building one takes about five minutes of a slow machine: too long to be done unasked. */
function tellOfK6() {
  const named = process.env.K6_BIN;
  if (named ? existsSync(named) : isInstalled('k6') || existsSync(join(homedir(), 'go', 'bin', 'k6'))) return;
  say(
    'k6 is not there: tests of the k6 engine are skipped (with Go: "go install go.k6.io/k6@latest", about 5 minutes)',
  );
}

function triedToday(packages) {
  try {
    const { at, packages: tried } = JSON.parse(readFileSync(triedStamp, 'utf8'));
    return Date.now() - at < dayMs && packages.every((each) => tried.includes(each));
  } catch {
    return false;
  }
}

function install(packages) {
  return apt(['install', '--yes', '--no-install-recommends', ...packages]);
}

function apt(parameters) {
  return runProgram('apt-get', ['-qq', '-o', 'Dpkg::Use-Pty=0', ...parameters], {
    DEBIAN_FRONTEND: 'noninteractive',
  });
}

/**
 * Debian starts a server when it installs it, unless this program forbids it (invoke-rc.d(8)): exit status 101. One that
 * is there already is somebody's decision, and stays.
 */
function withoutDaemons(work) {
  const path = '/usr/sbin/policy-rc.d';
  const ours = !existsSync(path);
  if (ours) writeFileSync(path, '#!/bin/sh\nexit 101\n', { mode: 0o755 });
  const remove = () => rmSync(path, { force: true });
  // Ctrl-C reaches apt-get as well; what we laid down must go whoever ends first.
  const onSignal = () => {
    if (ours) remove();
    process.exit(130);
  };
  process.once('SIGINT', onSignal).once('SIGTERM', onSignal);
  try {
    work();
  } finally {
    if (ours) remove();
    process.off('SIGINT', onSignal).off('SIGTERM', onSignal);
  }
}
