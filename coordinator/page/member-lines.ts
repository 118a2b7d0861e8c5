/** Who takes part in the attempt under way, and what each said of the last second it told of. */

import type { MemberLine } from '../../protocol/live-page.ts';
import type { Member, MemberMessage } from '../../protocol/messages.ts';

/** As many agents as a scenario may have, and the server. */
const mostMembers = 257;
/** Bars of load cores that are told a second; headroom is told of everybody. */
const mostCores = 64;

export class MemberLines {
  #lines = new Map<string, MemberLine>();
  /** Of every process that takes part, the offset it came with. */
  #firstOffsets = new Map<string, number>();

  get lines(): readonly MemberLine[] {
    return [...this.#lines.values()];
  }

  /** What a member said before stays: it is asked again in every trial. */
  gather(members: readonly Member[]): void {
    const before = this.#lines;
    const listed = members.slice(0, mostMembers);
    this.#firstOffsets = new Map(
      listed.map(({ instance, clock }) => [
        instance,
        this.#firstOffsets.get(instance) ?? clock.offsetMicroseconds,
      ]),
    );
    this.#lines = new Map(
      listed.map(({ role, name, host, clock, cores, instance }) => {
        const first = this.#firstOffsets.get(instance) ?? clock.offsetMicroseconds;
        const line: MemberLine = {
          role,
          name,
          host,
          clock,
          clockMovedMicroseconds: clock.offsetMicroseconds - first,
          cores: cores.length,
          last: before.get(name)?.last ?? null,
        };
        return [name, line];
      }),
    );
  }

  /** False when it is of nobody who takes part. */
  report({ sender, load, accepted, cores = [] }: Extract<MemberMessage, { kind: 'report' }>): boolean {
    const line = this.#lines.get(sender);
    if (line === undefined) return false;
    const failed = load === undefined ? 0 : Object.values(load.failed).reduce((sum, count) => sum + count, 0);
    const share = Math.max(1, Math.floor(mostCores / this.#lines.size));
    this.#lines.set(sender, {
      ...line,
      last: {
        connections: load?.completed ?? accepted ?? null,
        failed,
        headroom: cores.length === 0 ? null : Math.min(...cores.map(({ idle }) => idle)),
        cores: cores.slice(0, share),
      },
    });
    return true;
  }
}
