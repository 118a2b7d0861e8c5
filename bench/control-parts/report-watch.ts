/**
 * What a coordinator's process notes of the reports that reach it, and of itself meanwhile: CPU and memory from the first
 * report to the last.
 */

export interface WatchedReports {
  /** Reports of each sender. */
  readonly reports: Readonly<Record<string, number>>;
  /** How many were of a second that their sender had told of before. */
  readonly doubled: number;
  /** Of each report: from the end of its second to when the coordinator had it. */
  readonly lagsMs: readonly number[];
  readonly cpuSeconds: number;
  readonly wallSeconds: number;
  /** A second each. */
  readonly residentBytes: readonly number[];
}

export class ReportWatch {
  readonly #reports: Record<string, number> = {};
  readonly #seen = new Set<string>();
  readonly #arrivals: { readonly second: number; readonly atMs: number }[] = [];
  readonly #residentBytes: number[] = [];
  #doubled = 0;
  #first: { readonly cpu: NodeJS.CpuUsage; readonly atMs: number } | null = null;
  #last = { cpuSeconds: 0, wallSeconds: 0 };

  take({ sender, second }: { readonly sender: string; readonly second: number }): void {
    // The control clock is Redis' own: on this machine, the wall clock.
    const atMs = Date.now();
    this.#first ??= { cpu: process.cpuUsage(), atMs };
    if (atMs >= this.#first.atMs + this.#residentBytes.length * 1000)
      this.#residentBytes.push(process.memoryUsage.rss());
    this.#arrivals.push({ second, atMs });
    const name = `${sender} ${second}`;
    if (this.#seen.has(name)) this.#doubled++;
    this.#seen.add(name);
    this.#reports[sender] = (this.#reports[sender] ?? 0) + 1;
    const { user, system } = process.cpuUsage(this.#first.cpu);
    this.#last = { cpuSeconds: (user + system) / 1e6, wallSeconds: (atMs - this.#first.atMs) / 1000 };
  }

  /** @param startAtMs of the trial, in milliseconds since 1970. */
  result(startAtMs: number): WatchedReports {
    return {
      reports: this.#reports,
      doubled: this.#doubled,
      lagsMs: this.#arrivals.map(({ second, atMs }) => atMs - startAtMs - (second + 1) * 1000),
      ...this.#last,
      residentBytes: this.#residentBytes,
    };
  }
}
