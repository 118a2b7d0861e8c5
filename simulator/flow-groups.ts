/**
 * Flow groups, as Affinity-Accept migrates them: the NIC hashes every flow into one of a few thousand groups, and each
 * group to a core. What stealing cannot level for good, moving a group does.
 *
 * Every period each core that is not busy takes one group of the core from which it stole the most connections since; a busy
 * core takes none. (Pesterev, Strauss, Zeldovich and Morris, EuroSys 2012, section 3.3.2: 4,096 groups, 100 ms.) It knows
 * no time: its owner calls `balance()` once a period.
 */

export const flowGroupCount = 4096;
export const migrationPeriodSeconds = 0.1;

export class FlowGroups {
  readonly cores: number;
  /** The core of each group. */
  readonly coreOf: Int32Array;
  /** Connections stolen since the last migration: thief × cores + victim. */
  readonly #stolen: Float64Array;
  readonly #groupsOf: Int32Array;
  /** Where the search for the next group of a core goes on, so that a core loses its groups in turn. */
  readonly #nextOf: Int32Array;

  constructor(cores: number, groups: number = flowGroupCount) {
    this.cores = cores;
    this.coreOf = Int32Array.from({ length: groups }, (_, group) => group % cores);
    this.#stolen = new Float64Array(cores * cores);
    this.#groupsOf = new Int32Array(cores);
    for (const core of this.coreOf) this.#groupsOf[core]++;
    this.#nextOf = new Int32Array(cores);
  }

  groupsOf(core: number): number {
    return this.#groupsOf[core];
  }

  /** `thief` has accepted a connection that `victim` had queued. */
  noteTheft(thief: number, victim: number): void {
    this.#stolen[thief * this.cores + victim]++;
  }

  /** One period is over: migrates, forgets the thefts, and says how many groups moved. A victim keeps its last group. */
  balance(isBusy: (core: number) => boolean): number {
    let moved = 0;
    for (let thief = 0; thief < this.cores; thief++) {
      if (isBusy(thief)) continue;
      const victim = this.#mostStolenFrom(thief);
      if (victim < 0 || this.#groupsOf[victim] < 2) continue;
      this.#move(victim, thief);
      moved++;
    }
    this.#stolen.fill(0);
    return moved;
  }

  #mostStolenFrom(thief: number): number {
    let [most, victim] = [0, -1];
    for (let core = 0; core < this.cores; core++) {
      const stolen = this.#stolen[thief * this.cores + core];
      if (core !== thief && stolen > most) [most, victim] = [stolen, core];
    }
    return victim;
  }

  #move(victim: number, thief: number): void {
    const groups = this.coreOf.length;
    let group = this.#nextOf[victim];
    while (this.coreOf[group] !== victim) group = (group + 1) % groups;
    this.#nextOf[victim] = (group + 1) % groups;
    this.coreOf[group] = thief;
    this.#groupsOf[victim]--;
    this.#groupsOf[thief]++;
  }
}
