/**
 * The files of the page, read once and then served from memory: the page itself, its icon, its style in the report's
 * colours, and every module that its script imports, directly or by way of others. Nothing else can be asked for.
 */

import { readFile } from 'node:fs/promises';
import { dirname, join, relative, resolve, sep } from 'node:path';
import { colourVariables } from '../report/html/palette.ts';

export interface Asset {
  readonly type: string;
  readonly body: string;
  /** Served to those who have no token yet, too. */
  readonly isOpen: boolean;
}

const scriptType = 'text/javascript; charset=utf-8';
const imported = /(?:^|\n)\s*(?:import|export)\s[^'";]*?(?:from\s*)?['"](\.[^'"]+)['"]/g;

/**
 * By path of the URL.
 * @param folder that of the built page: `main.js`, `index.html`, `style.css`, `icon.svg`. Modules may lie above it, in the
 *   program's own folder, two up.
 */
export async function readAssets(folder: string): Promise<ReadonlyMap<string, Asset>> {
  const root = resolve(folder, '..', '..');
  const read = (name: string) => readFile(join(folder, name), 'utf8');
  const assets = new Map<string, Asset>([
    ['/', { type: 'text/html; charset=utf-8', body: await read('index.html'), isOpen: false }],
    ['/icon.svg', { type: 'image/svg+xml', body: await read('icon.svg'), isOpen: true }],
    [
      '/style.css',
      { type: 'text/css; charset=utf-8', body: variables() + (await read('style.css')), isOpen: true },
    ],
  ]);
  const waiting = [resolve(folder, 'main.js')];
  for (let path = waiting.pop(); path !== undefined; path = waiting.pop()) {
    const place = `/${relative(root, path).split(sep).join('/')}`;
    if (place.startsWith('/..') || assets.has(place)) continue;
    const body = await readFile(path, 'utf8');
    assets.set(place, { type: scriptType, body, isOpen: false });
    for (const [, specifier = ''] of body.matchAll(imported)) waiting.push(resolve(dirname(path), specifier));
  }
  return assets;
}

function variables(): string {
  return (
    `:root{color-scheme:light dark;${colourVariables('light')}}\n` +
    `@media (prefers-color-scheme:dark){:root{${colourVariables('dark')}}}\n`
  );
}
