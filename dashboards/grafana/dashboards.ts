/**
 * Start here: the table of dashboards. Each is a file that says, as data, which question it answers with which panels;
 * `build.ts` makes Grafana's JSON of it, which stands in `json/` and is provisioned from there.
 *
 * *Nightly* comes with scheduled runs: as one file and one row here, once it has a metric to show.
 */

import { acceptPath } from './accept-path.ts';
import { comparison } from './comparison.ts';
import { cores } from './cores.ts';
import { generators } from './generators.ts';
import { model } from './model.ts';
import type { Specification } from './specification.ts';

/** By the name of their file in `json/`. */
export const dashboards: Readonly<Record<string, Specification>> = {
  comparison,
  cores,
  'accept-path': acceptPath,
  generators,
  model,
};
