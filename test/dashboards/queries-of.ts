/** Every query of a dashboard, with its variables put in as Grafana would. */

import type { Dashboard, Panel } from '@grafana/grafana-foundation-sdk/dashboard';

export interface AskedQuery {
  /** The panel's title. */
  readonly panel: string;
  readonly expression: string;
  readonly legend: string;
  /** At the end of the time, or over all of it. */
  readonly instant: boolean;
}

export function queriesOf({ panels = [] }: Dashboard): AskedQuery[] {
  return panels
    .filter((panel): panel is Panel => panel.type !== 'row')
    .flatMap(({ title = '', targets = [] }) =>
      targets.map((target) => {
        const { expr, legendFormat, instant } = target as unknown as {
          expr: string;
          legendFormat?: string;
          instant?: boolean;
        };
        return { panel: title, expression: expr, legend: legendFormat ?? '', instant: instant === true };
      }),
    );
}

/** Everything chosen; what is chosen by time takes these times. */
export function withVariables(
  expression: string,
  times: { readonly rateInterval: string; readonly range: string },
): string {
  return expression
    .replaceAll('$__rate_interval', times.rateInterval)
    .replaceAll('$__range', times.range)
    .replaceAll(/\$(run|variant|cores|metric)\b/g, '.*');
}
