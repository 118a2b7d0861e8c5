/** `stampede view RUN`: the page of a run that is over, from its folder, until Ctrl-C. It writes nothing there. */

import { resolve } from 'node:path';
import { Command } from 'commander';
import { parseListenAddress, takeToken } from '../protocol/access.ts';
import { runFolder } from '../protocol/run-folder.ts';
import { pageAssets } from './page-option.ts';

const example = `
Off loopback STAMPEDE_TOKEN must be set, and the page asks for it. A run that is still under way is shown as it is when
the command starts; its own page is at the address that "stampede run" printed.

Example:
  $ stampede view runs/quick
  page: http://127.0.0.1:39717/

Exit status: 0 when told to stop, 2 RUN is not a run folder, or the address cannot be had.`;

export function viewCommand(): Command {
  return new Command('view')
    .description('Serve the page of a finished run, until Ctrl-C.')
    .argument('<run>', 'folder of a run, whole or interrupted')
    .option('--page <ADDRESS>', 'serve it there, like 9465 or 0.0.0.0:9465 (default: loopback, a free port)')
    .addHelpText('after', example)
    .action(async (run: string, options: { readonly page?: string }) => {
      const token = takeToken(process.env);
      const address = parseListenAddress(options.page ?? '0');
      const folder = runFolder(resolve(run));
      const { modelOfFolder } = await import('../coordinator/page/finished-run.ts');
      const { servePage } = await import('../coordinator/page/serve-page.ts');
      const model = await modelOfFolder(folder);
      const page = await servePage({ address, token, assets: pageAssets, folder: folder.path, model });
      process.stdout.write(`page: ${page.url}\n`);
      await toldToStop();
      await page.close();
    });
}

function toldToStop(): Promise<void> {
  return new Promise((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => resolve());
  });
}
