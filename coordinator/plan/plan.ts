/**
 * The plan of a run: which trials, in which order, on which cores, for how long, and whether this machine can do them
 * at all. Pure: the scenario and the machine's facts come in, and the same ones give the same plan, so a resumed run
 * finds its trials again by name.
 *
 * It refuses nothing itself: what cannot be done is in `problems`, what weakens the result in `warnings`.
 */

import { seededRandom, shuffled } from '../../measurement/random.ts';
import type { Cell } from '../../protocol/cell.ts';
import type { Scenario } from '../../protocol/scenario.ts';
import { cellsOf } from './cells.ts';
import { descriptorProblems } from './descriptor-budget.ts';
import { k6Findings } from './k6-engine.ts';
import { chooseLab, type LabKind } from './lab-choice.ts';
import { leftOut } from './left-out.ts';
import type { Machine } from './machine.ts';
import { packetFindings } from './packet-engine.ts';
import { type Placement, placeCores } from './placement.ts';
import { networkOf, type PortBudget, portBudget } from './port-budget.ts';

export interface PlannedCell {
  /** `c01`: its place in the cross product of the factors, whatever is left out. */
  readonly id: string;
  readonly cell: Cell;
  readonly serverCores: readonly number[];
  /** Null in a cluster: the agents' machines have ports of their own. */
  readonly ports: PortBudget | null;
}

export interface PlannedTrial {
  /** `b01-c02`: unique in the run, and the same whenever it is planned. */
  readonly trial: string;
  /** Counted from 1. */
  readonly block: number;
  readonly cellId: string;
  readonly cell: Cell;
  readonly serverCores: readonly number[];
  /** Of the block: every cell of it sees the same arrivals. */
  readonly seed: number;
}

export interface Plan {
  readonly lab: LabKind;
  readonly cells: readonly PlannedCell[];
  /** In the order they run. */
  readonly trials: readonly PlannedTrial[];
  /** Cores of the agents, the same in every cell so that the load is; empty in a cluster. */
  readonly loadCores: readonly number[];
  readonly estimatedSeconds: number;
  /** Why it cannot run here, each with what to do; empty when it can. */
  readonly problems: readonly string[];
  readonly warnings: readonly string[];
}

/** Around a trial's warm-up and measured time: start the server, prepare, barrier, drain, commit. Measured, see docs. */
export const trialOverheadSeconds = 0.9;
/** Redis, the lab and the members before the first trial, the judge and the report after the last. */
const runOverheadSeconds = 3;

export function planRun(scenario: Scenario, machine: Machine): Plan {
  const lab = chooseLab(scenario, machine);
  const problems = [...lab.problems];
  const warnings = [...lab.warnings];

  const missing = leftOut(scenario, lab.kind, machine);
  problems.push(...missing.problems);
  warnings.push(...missing.warnings);

  const placement: Placement =
    lab.kind === 'cluster' ? anyCores : placeCores(scenario.factors.cores, machine);
  problems.push(...placement.problems);
  warnings.push(...placement.warnings);
  const packet = packetFindings(scenario, lab.kind, machine, placement.loadCores);
  problems.push(...packet.problems);
  warnings.push(...packet.warnings);
  const k6 = k6Findings(scenario, lab.kind, machine);
  problems.push(...k6.problems);
  warnings.push(...k6.warnings);
  if (lab.kind !== 'cluster') {
    const descriptors = descriptorProblems(scenario, machine.descriptors);
    problems.push(...descriptors.problems);
    warnings.push(...descriptors.warnings);
  }

  const all = namedCells(scenario);
  const cells = all
    .map(({ id, cell }): PlannedCell => {
      const ports =
        lab.kind === 'cluster'
          ? null
          : portBudget(
              cell,
              scenario,
              networkOf(lab.kind, scenario, machine, placement.loadCores.length, cell.engine),
            );
      return { id, cell, serverCores: placement.serverCoresOf(cell.cores), ports };
    })
    .filter(({ cell }) => !missing.variants.has(cell.variant));
  for (const verdict of ['impossible', 'doubtful'] as const) {
    const found = new Set(cells.flatMap(({ ports }) => (ports?.verdict === verdict ? [ports.says] : [])));
    (verdict === 'impossible' ? problems : warnings).push(...found);
  }

  const trials = orderTrials(scenario, cells, all.length);
  const secondsEach = scenario.warmUpSeconds + scenario.measuredSeconds + trialOverheadSeconds;
  return {
    lab: lab.kind,
    cells,
    trials,
    loadCores: placement.loadCores,
    estimatedSeconds: runOverheadSeconds + trials.length * secondsEach,
    problems,
    warnings,
  };
}

/** Members of a cluster bring their own cores; the coordinator places a trial on the last of its server's. */
const anyCores: Placement = { loadCores: [], serverCoresOf: () => [], problems: [], warnings: [] };

/** All cells, whatever this machine leaves out. */
export function namedCells(scenario: Scenario): Pick<PlannedCell, 'id' | 'cell'>[] {
  return cellsOf(scenario).map((cell, index, { length }) => ({
    id: `c${String(index + 1).padStart(Math.max(2, String(length).length), '0')}`,
    cell,
  }));
}

/** @param cells those that are run, of `cellCount` in all. */
export function orderTrials(
  scenario: Scenario,
  cells: readonly PlannedCell[],
  cellCount: number,
): PlannedTrial[] {
  const byPlace = new Map(cells.map((planned) => [Number(planned.id.slice(1)) - 1, planned]));
  const places = Array.from({ length: cellCount }, (_, place) => place);
  const blockDigits = Math.max(2, String(scenario.blocks).length);
  const trials: PlannedTrial[] = [];
  for (let block = 1; block <= scenario.blocks; block++) {
    const seed = Math.floor(seededRandom(scenario.seed, `arrivals of block ${block}`)() * 2 ** 32);
    // All places are shuffled, those left out too: what is installed does not move the order of the rest.
    for (const place of shuffled(places, seededRandom(scenario.seed, `order of block ${block}`))) {
      const planned = byPlace.get(place);
      if (planned === undefined) continue;
      trials.push({
        trial: `b${String(block).padStart(blockDigits, '0')}-${planned.id}`,
        block,
        cellId: planned.id,
        cell: planned.cell,
        serverCores: planned.serverCores,
        seed,
      });
    }
  }
  return trials;
}
