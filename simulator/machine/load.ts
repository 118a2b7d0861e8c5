/** A machine by name, or from a file of its description; every complaint says what is missing. */

import { readFileSync } from 'node:fs';
import { parse } from 'yaml';
import { SimulationInputError } from '../input-error.ts';
import { beds } from './beds.ts';
import { type Machine, type MachineInput, machineSchema } from './machine.ts';

/** The machines of the papers, checked. */
export const machines: Readonly<Record<string, Machine>> = Object.fromEntries(
  Object.entries(beds).map(([name, bed]) => [name, machineSchema.parse(bed)]),
);

export class MachineError extends SimulationInputError {}

/**
 * @param source one of `machines`, or the path of a YAML or JSON file.
 * @throws {MachineError} it is neither, or its description is not whole.
 */
export function loadMachine(source: string): Machine {
  if (Object.hasOwn(machines, source)) return machines[source];
  if (!/[./]/.test(source))
    throw new MachineError(
      `Cannot find machine "${source}": it is none of ${Object.keys(machines).join(', ')}, this; give one of them, or a .yaml file`,
    );
  let text: string;
  try {
    text = readFileSync(source, 'utf8');
  } catch (error) {
    throw new MachineError(`Cannot read machine file ${source}: ${(error as Error).message}`);
  }
  let content: unknown;
  try {
    content = parse(text);
  } catch (error) {
    throw new MachineError(`Cannot read machine file ${source} as YAML: ${(error as Error).message}`);
  }
  return machineOf(content, source);
}

/** @throws {MachineError} naming every field that is missing or wrong. */
export function machineOf(content: unknown, source: string): Machine {
  const parsed = machineSchema.safeParse(content as MachineInput);
  if (parsed.success) return parsed.data;
  const faults = parsed.error.issues.map(
    ({ path, message }) => `${path.join('.') || 'the file'}: ${message}`,
  );
  throw new MachineError(`Cannot use machine file ${source}: ${faults.join('; ')}`);
}
