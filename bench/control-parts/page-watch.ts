/**
 * Chromium on a live page, and what drawing it costs: CPU of the processes that draw, of one core. The page is hidden from
 * nobody: a headless window is drawn as a visible one is.
 */

import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { chromium } from 'playwright-core';

export const chromiumPath = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'].find(
  existsSync,
);
export const chromiumFlags = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];
/** Of user and system time, on Linux (USER_HZ). */
const ticksASecond = 100;
const patienceMs = 60_000;
/** From when it is opened: scripts are compiled, and the history is drawn once. */
const settleMs = 3_000;

export interface WatchedPage {
  /** Of the renderers, from three seconds after the page was open. */
  readonly cores: number;
  readonly seconds: number;
  /** What it said of the run when it was last looked at. */
  readonly title: string;
}

/**
 * Watches the page whose address a process writes into `addressFile`, until `ended`.
 * @throws {Error} when the page never opens, or draws no figures.
 */
export async function watchPage(addressFile: string, ended: Promise<unknown>): Promise<WatchedPage> {
  const browser = await chromium.launch({ executablePath: chromiumPath ?? '', args: chromiumFlags });
  try {
    const page = await browser.newPage({ viewport: { width: 1_280, height: 900 } });
    await page.goto(await addressIn(addressFile));
    await page.waitForSelector('[data-samples]', { timeout: patienceMs });
    await sleep(settleMs);
    const before = rendererSeconds();
    const beganMs = performance.now();
    const title = await page.title();
    // The share over the run: what ends it is not drawn for nothing.
    await ended.catch(() => {});
    const seconds = (performance.now() - beganMs) / 1000;
    let spent = 0;
    for (const [pid, now] of rendererSeconds()) spent += now - (before.get(pid) ?? now);
    return { cores: spent / seconds, seconds, title };
  } finally {
    await browser.close();
  }
}

async function addressIn(file: string): Promise<string> {
  for (const endMs = performance.now() + patienceMs; ; await sleep(50)) {
    if (existsSync(file)) return readFile(file, 'utf8');
    if (performance.now() > endMs)
      throw new Error(`Cannot watch the page: none was served in ${patienceMs} ms`);
  }
}

/** CPU time so far of the processes that draw pages for this one, in seconds, by process. */
export function rendererSeconds(): Map<number, number> {
  const parents = new Map<number, number>();
  const spent = new Map<number, number>();
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    try {
      const status = readFileSync(`/proc/${name}/stat`, 'utf8');
      const fields = status.slice(status.lastIndexOf(')') + 2).split(' ');
      parents.set(Number(name), Number(fields[1]));
      const isRenderer = readFileSync(`/proc/${name}/cmdline`, 'utf8').includes('--type=renderer');
      if (isRenderer) spent.set(Number(name), (Number(fields[11]) + Number(fields[12])) / ticksASecond);
    } catch {
      // It has ended meanwhile.
    }
  }
  const isOurs = (pid: number): boolean => pid === process.pid || (pid > 1 && isOurs(parents.get(pid) ?? 0));
  return new Map([...spent].filter(([pid]) => isOurs(pid)));
}
