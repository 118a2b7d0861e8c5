/** The table of all metrics. A metric is declared once, here below; nothing else may name one that is not. */

import type { Declaration, Service } from './declarations/declaration.ts';
import { liveDeclarations } from './declarations/live.ts';
import { memberDeclarations } from './declarations/member.ts';
import { modelDeclarations } from './declarations/model.ts';
import { processDeclarations } from './declarations/process.ts';
import { runDeclarations } from './declarations/run.ts';
import { trialDeclarations } from './declarations/trials.ts';

export const metrics = {
  ...runDeclarations,
  ...trialDeclarations,
  ...modelDeclarations,
  ...liveDeclarations,
  ...memberDeclarations,
  ...processDeclarations,
} as const;

export type MetricName = keyof typeof metrics;
export const metricNames = Object.keys(metrics) as readonly MetricName[];

type OfKind<Kind extends Declaration['kind']> = {
  [Name in MetricName]: (typeof metrics)[Name]['kind'] extends Kind ? Name : never;
}[MetricName];
export type GaugeName = OfKind<'gauge'>;
export type CounterName = OfKind<'counter'>;
export type HistogramName = OfKind<'histogram'>;

export function declarationOf(name: MetricName): Declaration {
  return metrics[name];
}

export function metricsBy(service: Service): readonly MetricName[] {
  return metricNames.filter((name) => declarationOf(name).by.includes(service));
}
