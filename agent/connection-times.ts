/**
 * The times of each connection of a flood, as columns by slot, in milliseconds of performance.now().
 *
 * They are handed over as a slot, never as numbers: V8 boxes a double that crosses a call it does not inline, and a flood
 * that boxes four times a connection spends its time collecting them.
 */

export class ConnectionTimes {
  /** When it should have started: latencies are counted from here. */
  readonly intendedMs: Float64Array;
  /** Negative: not yet; also below. */
  readonly connectedMs: Float64Array;
  readonly firstByteMs: Float64Array;
  readonly endedMs: Float64Array;

  constructor(slots: number) {
    this.intendedMs = new Float64Array(slots);
    this.connectedMs = new Float64Array(slots);
    this.firstByteMs = new Float64Array(slots);
    this.endedMs = new Float64Array(slots);
  }
}
