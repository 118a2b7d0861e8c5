/** What nmap makes of the user-level server, and of the kernel beside it: ports that are open, numbers hard to guess. */

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { afterEach, test } from 'node:test';
import { installed } from '../server/under-test.ts';
import { type AttackedServer, attackedServer, inLab } from './attacked-server.ts';

const withNmap = {
  ...inLab,
  skip: inLab.skip || (!installed('nmap') && 'nmap is not installed: apt-get install nmap'),
};
const attacked = (withNmap.skip === false ? await attackedServer() : undefined) as AttackedServer;
afterEach(() => attacked?.serve());

const closedPort = 9;

async function nmap(...words: readonly string[]): Promise<string> {
  const ports = `${closedPort},${attacked.port}`;
  const all = ['-n', '-Pn', '-T4', '--max-retries', '3', '-p', ports, ...words, attacked.address];
  const child = spawn('nmap', all, { stdio: ['ignore', 'pipe', 'inherit'] });
  let said = '';
  for await (const chunk of child.stdout) said += chunk;
  return said;
}

const stateOf = (said: string, port: number): string | undefined =>
  new RegExp(`^${port}/tcp +(\\S+)`, 'm').exec(said)?.[1];

for (const [scan, what] of [
  ['-sT', 'whole handshakes'],
  ['-sS', 'half of them'],
] as const)
  test(`nmap finds the port open and another closed by ${what} (${scan})`, withNmap, async () => {
    const said = await nmap(scan);
    assert.equal(stateOf(said, attacked.port), 'open', said);
    assert.equal(stateOf(said, closedPort), 'closed', said);
  });

/**
 * nmap takes the spread of five differences: of perfect randomness one scan in some dozens finds less than Linux has. What
 * can be guessed is found by every scan.
 */
test('nmap finds sequence numbers as hard to guess as they can be (58, -O)', withNmap, async (t) => {
  const found: number[] = [];
  for (let scan = 0; scan < 3 && !found.some((index) => index >= 0xf8); scan++) {
    const said = await nmap('-O', '--max-os-tries', '1', '-d', '-oX', '-');
    assert.match(said, new RegExp(`portid="${attacked.port}"><state state="open"`));
    const predictability = /SEQ\([^)]*?SP=([0-9A-F]+)/.exec(said.replace(/&#xa;OS:/g, ''))?.[1];
    assert.ok(predictability, said);
    t.diagnostic(`SP=${predictability} ${/<tcpsequence [^>]*>/.exec(said)?.[0] ?? 'no tcpsequence'}`);
    found.push(Number.parseInt(predictability, 16));
  }
  assert.ok(Math.max(...found) >= 0xf8, `SP ${found.join(', ')}`);
});
