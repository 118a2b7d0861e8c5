/** `--page` and `--no-page`: whether a run can be watched, where, and what is said of it. */

import { fileURLToPath } from 'node:url';
import type { Command } from 'commander';
import type { RunWatcher } from '../coordinator/watchers.ts';
import { type ListenAddress, parseListenAddress } from '../protocol/access.ts';
import { messageOf } from '../protocol/failure.ts';
import type { RunFolder } from '../protocol/run-folder.ts';

export interface PageChoice {
  /** Where; false: nowhere. */
  readonly page?: string | false;
  readonly quiet?: boolean;
}

/** The page as it was built, beside this program. */
export const pageAssets = fileURLToPath(new URL('../dashboards/page/', import.meta.url));

const ownMachine: ListenAddress = { host: '127.0.0.1', port: 0 };

export function pageOptions(command: Command): Command {
  return command
    .option(
      '--page <ADDRESS>',
      'serve the live page there, like 9465 or 0.0.0.0:9465; off loopback STAMPEDE_TOKEN must be set (default: loopback, a free port)',
    )
    .option('--no-page', 'serve no live page');
}

export interface PagePlace {
  readonly folder: RunFolder;
  /** Null: whoever reaches it may look, so it must be on loopback. */
  readonly token: string | null;
  readonly say: (text: string) => void;
}

export interface WatchedPage {
  readonly watcher: RunWatcher;
  /** For a person. */
  readonly where: string;
  close(): Promise<void>;
}

/**
 * Null: no page is wanted, or nobody would learn of it: why goes to `say`.
 * @throws {Failure} exit status 2: it is to be at an address that cannot be had.
 */
export async function openPage(
  { page, quiet }: PageChoice,
  { folder, token, say }: PagePlace,
): Promise<WatchedPage | null> {
  if (page === false || (page === undefined && quiet === true)) return null;
  const address = page === undefined ? ownMachine : parseListenAddress(page);
  // Fastify comes with it: only who can be watched waits for that.
  const { servePage } = await import('../coordinator/page/serve-page.ts');
  const { RunModel } = await import('../coordinator/page/run-model.ts');
  const model = new RunModel();
  try {
    const served = await servePage({ address, token, assets: pageAssets, folder: folder.path, model });
    const where = `page: ${served.url}${token === null ? '' : ' (asks for the token)'}`;
    return { watcher: model, where, close: served.close };
  } catch (error) {
    if (page !== undefined) throw error;
    say(`! the run cannot be watched: ${messageOf(error)}`);
    return null;
  }
}
