/** The files that Grafana reads, as text: what `json/` holds, and a test compares. */

import { buildDashboard } from './build.ts';
import { dashboards } from './dashboards.ts';

export const jsonFolder = 'dashboards/grafana/json';

/** Path from the project's folder → text. */
export function dashboardFiles(): ReadonlyMap<string, string> {
  return new Map(
    Object.entries(dashboards).map(([name, specification]) => [
      `${jsonFolder}/${name}.json`,
      `${JSON.stringify(buildDashboard(specification), null, 2)}\n`,
    ]),
  );
}
