/**
 * A lab: where load and server meet on one machine. It says which addresses and namespaces each side uses, and takes
 * everything it made down again. A cluster needs none: its members bring their own addresses.
 *
 * A lab never changes a setting of the machine, only of namespaces it made itself.
 */

import type { LabKind } from '../plan/lab-choice.ts';

export interface LabAgent {
  /** Path of the network namespace its load threads enter; null: stay. */
  readonly namespace: string | null;
  readonly sourceAddresses: readonly string[];
  /** Where it may send load, as CIDR. */
  readonly allow: readonly string[];
}

export interface TrialCores {
  readonly serverCores: readonly number[];
  readonly loadCores: readonly number[];
}

export interface TrialPlace extends TrialCores {
  /**
   * Whose kernel has to finish the checksums of what it sends, for the other side takes frames below TCP: a veth device
   * finishes none. Costs that kernel a little, so only where it must be; neither, when not said.
   */
  readonly wholeChecksums?: { readonly server: boolean; readonly agents: boolean };
}

export interface Lab {
  readonly kind: Exclude<LabKind, 'cluster'>;
  /** Where servers listen, and what agents connect to. */
  readonly serverAddresses: readonly string[];
  readonly serverNamespace: string | null;
  readonly agents: readonly LabAgent[];
  /**
   * Sets which cores process the packets of either side in the next trial, and what its frames must be like; which cores
   * could not be set is in `notes`. @throws {Failure} when frames would be of no use.
   */
  placeTrial(place: TrialPlace): Promise<void>;
  /** What was made and set, and what was not possible: for environment.json. */
  readonly notes: Readonly<Record<string, string>>;
  /** Settles, if ever, when the lab breaks (a namespace holder was killed): with how. */
  readonly broken: Promise<string>;
  /** Takes all of it down; more than once does no harm. Never rejects. */
  close(): Promise<void>;
}

export interface LabWish {
  readonly agents: number;
  /** Of each agent. */
  readonly sourceAddresses: number;
}
