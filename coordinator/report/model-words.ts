/** What is modelled, in words: a line a variant for terminals, and rows for tables. Always said to be modelled. */

import type { Comparison, ModelRow } from '../../protocol/comparison-record.ts';
import { modelledCores } from '../model/modelled.ts';
import { plural, scaled } from './figures.ts';

/** Rows of one variant and conversation. */
export interface ModelledVariant {
  readonly variant: string;
  readonly messages: number;
  readonly responseBytes: number;
  readonly rows: readonly ModelRow[];
}

export function modelledVariants({ model }: Pick<Comparison, 'model'>): ModelledVariant[] {
  const groups = new Map<string, ModelRow[]>();
  for (const row of model) {
    const key = `${row.messages} ${row.responseBytes} ${row.variant}`;
    groups.set(key, [...(groups.get(key) ?? []), row]);
  }
  return [...groups.values()].map((rows) => {
    const [{ variant, messages, responseBytes }] = rows;
    return { variant, messages, responseBytes, rows };
  });
}

/** "modelled, not measured: reuseport on 8, 24, 48 cores 120 k, 300 k, 410 k connections/s (1.06, 1.10, 1.31 × single-queue)" */
export function modelLines(comparison: Pick<Comparison, 'model' | 'baseline'>): string[] {
  const variants = modelledVariants(comparison);
  const conversations = new Set(
    variants.map(({ messages, responseBytes }) => `${messages} ${responseBytes}`),
  );
  return variants.map(({ variant, messages, responseBytes, rows }) => {
    const wanted = rows.filter(({ cores }) => (modelledCores as readonly number[]).includes(cores));
    const which =
      conversations.size === 1 ? '' : `, ${plural(messages, 'message')} of ${responseBytes} bytes`;
    return `modelled, not measured: ${variant}${which} on ${modelledCores.join(', ')} cores: ${figuresOf(wanted, comparison.baseline)}`;
  });
}

function figuresOf(rows: readonly ModelRow[], baseline: string): string {
  const [first] = rows;
  if (rows.every(({ connectionsPerSecond }) => connectionsPerSecond === null))
    return `nothing; ${first?.reason ?? 'no reason was recorded'}`;
  const rates = rows.map(({ connectionsPerSecond }) => rateText(connectionsPerSecond)).join(', ');
  const isCompared = first.variant !== baseline && rows.some(({ ratio }) => ratio !== null);
  return `${rates} connections/s${isCompared ? ` (${rows.map(({ ratio }) => ratioText(ratio)).join(', ')} × ${baseline})` : ''}`;
}

export function rateText(rate: number | null): string {
  return rate === null ? '–' : scaled(rate);
}

export function ratioText(ratio: number | null): string {
  return ratio === null ? '–' : ratio.toFixed(2);
}

/** What every section of modelled figures says first. */
export function modelExplains(rows: readonly ModelRow[]): string {
  return (
    'Simulated, not measured: each variant’s cost on few cores is calibrated on this run, caches, locks and queues are the ' +
    `simulator’s, distances are the usual ones of such a machine. ${missesExplained(rows)} ` +
    'docs/simulator.md says what that can and cannot tell.'
  );
}

function missesExplained(rows: readonly ModelRow[]): string {
  const beside = rows.flatMap(({ measured }) => measured ?? []);
  if (beside.some(({ missesPerConnection }) => missesPerConnection !== null))
    return (
      'Misses of the server’s private caches were counted by hardware; the residual is what the model does not have: code, the ' +
      'application, prefetches, whatever else ran there; makers count differently.'
    );
  const said = beside.flatMap(({ missesReason }) => missesReason?.replace(/^not measured: /, '') ?? []);
  const reasons = [...new Set(said)];
  return `No measured misses stand beside the modelled ones${reasons.length === 0 ? '' : ` (${reasons.join('; ')})`}.`;
}

export const modelHeader = [
  'variant',
  'cores',
  'connections/s',
  '× baseline',
  'measured',
  'misses',
  'lock wait',
] as const;

/** Under or over the table, whichever form it has. */
export const modelCaption =
  'Modelled; measured, where the run had as many cores; cache misses and cycles of lock wait a connection';

export function modelCells(row: ModelRow): string[] {
  return [
    row.variant,
    String(row.cores),
    rateText(row.connectionsPerSecond),
    ratioText(row.ratio),
    row.measured === null
      ? '–'
      : `${rateText(row.measured.connectionsPerSecond)} (× ${ratioText(row.measured.ratio)})`,
    missesText(row),
    row.lockWaitCyclesPerConnection === null
      ? '–'
      : Math.round(row.lockWaitCyclesPerConnection).toLocaleString('en-US'),
  ];
}

/** "18.2", or "18.2 (measured 95.0, residual +76.8)" */
function missesText({ missesPerConnection: modelled, measured }: ModelRow): string {
  const text = modelled === null ? '–' : modelled.toFixed(1);
  const misses = measured?.missesPerConnection ?? null;
  if (misses === null) return text;
  const residual = measured?.missesResidual ?? null;
  const beyond =
    residual === null ? '' : `, residual ${residual < 0 ? '−' : '+'}${Math.abs(residual).toFixed(1)}`;
  return `${text} (measured ${misses.toFixed(1)}${beyond})`;
}

/** Why figures are missing, each sentence once. */
export function modelReasons(rows: readonly ModelRow[]): string[] {
  const said = new Map<string, Set<string>>();
  for (const { variant, reason } of rows)
    if (reason !== null) said.set(reason, (said.get(reason) ?? new Set()).add(variant));
  return [...said].map(([reason, variants]) => `${[...variants].join(', ')}: ${reason}`);
}
