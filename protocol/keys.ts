/** Names of everything kept in Redis. All of it lives under one prefix, and all of it is bounded or expires. */

/** BullMQ puts this before each of its own keys. */
export const queuePrefix = 'stampede';

export const queueName = (role: 'agent' | 'server', member: string): string => `${role}-${member}`;

/** A member's lease (JSON of a Member); expires unless renewed. */
export const memberKey = (role: 'agent' | 'server', member: string): string =>
  `stampede:member:${role}:${member}`;
export const memberPattern = 'stampede:member:*';

/** The coordinator's lease on a run, and the incarnation that holds it: members stop when it is gone. */
export const coordinatorKey = (run: string): string => `stampede:run:${run}:coordinator`;

/** Coordinator → members. */
export const controlStream = (run: string): string => `stampede:run:${run}:control`;
/** Members → coordinator. */
export const reportStream = (run: string): string => `stampede:run:${run}:reports`;

/** A member's lease lasts this long, and is renewed every `leaseRenewalMs`. */
export const leaseMs = 6_000;
export const leaseRenewalMs = 1_000;
/** Without a renewed lease, or without its coordinator, an agent's load ends after this. */
export const loadStopMs = 8_000;

export const reportStreamMaxEntries = 100_000;
export const controlStreamMaxEntries = 10_000;
