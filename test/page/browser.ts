/** Chromium as people have it on Debian, the trouble a page gets into, and what is wrong with it for who cannot see it. */

import { setTimeout as sleep } from 'node:timers/promises';
import { type Browser, chromium, type Page } from 'playwright-core';
import { chromiumFlags, chromiumPath } from '../../bench/control-parts/page-watch.ts';

export const skip = chromiumPath === undefined ? 'no Chromium here: apt-get install chromium' : false;

export function launch(): Promise<Browser> {
  return chromium.launch({ executablePath: chromiumPath ?? '', args: chromiumFlags });
}

export interface Look {
  readonly width?: number;
  readonly colorScheme?: 'light' | 'dark';
}

/** A page, and what it complains of: nothing, if all is well. */
export async function opened(
  browser: Browser,
  url: string,
  { width = 1_280, colorScheme = 'light' }: Look = {},
): Promise<{ readonly page: Page; readonly troubles: string[] }> {
  const page = await browser.newPage({ viewport: { width, height: 900 }, colorScheme });
  const troubles: string[] = [];
  page.on('console', (message) => troubles.push(message.text()));
  page.on('pageerror', (error) => troubles.push(error.message));
  page.on('request', (request) => {
    if (new URL(request.url()).host !== new URL(url).host) troubles.push(`asks for ${request.url()}`);
  });
  await page.goto(url);
  return { page, troubles };
}

export async function evaluated<Result>(page: Page, script: string): Promise<Result> {
  return (await page.evaluate(script)) as Result;
}

/** Polled from outside: the page lets nobody make functions of texts inside it. */
export async function until(page: Page, script: string, withinMs = 30_000): Promise<void> {
  for (const began = performance.now(); !(await page.evaluate(script)); await sleep(50))
    if (performance.now() - began > withinMs) throw new Error(`not within ${withinMs} ms: ${script}`);
}

/**
 * In the page: what a screen reader or a keyboard would miss, in words. Names of controls, labels of regions, captions,
 * landmarks, headings in order, ids once each, drawings that are described or passed over.
 */
export const accessibilityFaults = `(() => {
  const faults = [];
  const seen = [...document.querySelectorAll('body *')].filter((one) => one.checkVisibility());
  const nameOf = (one) =>
    one.getAttribute('aria-label') ??
    (one.getAttribute('aria-labelledby') ?? '').split(' ').map((id) => document.getElementById(id)?.textContent ?? '').join(' ').trim() ??
    '';
  const say = (what, one) => faults.push(what + ': ' + one.outerHTML.slice(0, 120));
  for (const one of seen) {
    const isControl = one.matches('a[href],button,select,input,summary,[tabindex="0"]');
    if (isControl && !(nameOf(one) || one.labels?.[0]?.textContent.trim() || one.textContent.trim())) say('no name', one);
    if (one.localName === 'table' && one.caption === null && !nameOf(one)) say('no caption', one);
    if (one.localName === 'svg' && one.getAttribute('aria-hidden') !== 'true' && !(one.getAttribute('role') === 'img' && nameOf(one))) say('undescribed', one);
    if (one.localName === 'section' && !nameOf(one)) say('no label', one);
    if (one.matches('[role=region]') && !nameOf(one)) say('no label', one);
    if (one.localName === 'progress' && !nameOf(one)) say('no name', one);
    if (one.scrollWidth > one.clientWidth + 1 && getComputedStyle(one).overflowX === 'auto' && !one.querySelector('[tabindex="0"]') && one.tabIndex < 0) say('scrolls, but not by keyboard', one);
  }
  for (const landmark of ['header', 'main', 'footer', 'h1'])
    if (document.querySelectorAll('body ' + landmark).length !== 1) faults.push('not one ' + landmark);
  const levels = [...document.querySelectorAll('h1,h2,h3,h4')].map(({ localName }) => Number(localName[1]));
  levels.forEach((level, place) => { if (place > 0 && level > levels[place - 1] + 1) faults.push('a heading is left out'); });
  const ids = [...document.querySelectorAll('[id]')].map(({ id }) => id);
  if (new Set(ids).size !== ids.length) faults.push('an id stands twice');
  if (!document.documentElement.lang) faults.push('no language');
  if (document.querySelectorAll('[aria-live],[role=status],[role=alert]').length !== 1) faults.push('not one live region');
  return faults;
})()`;

/** In the page: texts whose contrast against what is behind them is under 4.5:1 (WCAG 2.2, 1.4.3), in words. */
export const contrastFaults = `(() => {
  const parse = (colour) => (/rgba?\\(([^)]+)\\)/.exec(colour)?.[1] ?? '0,0,0,0').split(/[ ,/]+/).map(Number);
  const luminance = ([red, green, blue]) => [red, green, blue]
    .map((value) => value / 255)
    .map((share) => (share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4))
    .reduce((sum, share, place) => sum + share * [0.2126, 0.7152, 0.0722][place], 0);
  const ground = (one) => {
    for (let at = one; at; at = at.parentElement) {
      const colour = parse(getComputedStyle(at).backgroundColor);
      if (colour[3] === undefined || colour[3] > 0) return colour;
    }
    return [255, 255, 255];
  };
  const faults = new Set();
  for (const one of document.querySelectorAll('body *')) {
    const hasText = [...one.childNodes].some((node) => node.nodeType === 3 && node.data.trim() !== '');
    if (!hasText || !one.checkVisibility() || one.closest('.unseen')) continue;
    const style = getComputedStyle(one);
    const colour = parse(one instanceof SVGElement ? style.fill : style.color);
    const [light, dark] = [luminance(colour), luminance(ground(one))].sort((a, b) => b - a);
    const ratio = (light + 0.05) / (dark + 0.05);
    if (ratio < 4.5) faults.add(ratio.toFixed(2) + ' ' + one.outerHTML.slice(0, 100));
  }
  return [...faults];
})()`;
