/**
 * What names the `packet` engine's connections: its own ports, beside the kernel's. Planner and agent must agree on them,
 * or a budget would prove the wrong thing.
 */

/** On every source address. The kernel's range does not bind it: its frames never ask the kernel for a port. */
export const packetPorts = { low: 1024, high: 65_535 } as const;

/**
 * How long a name rests after our FIN closed its connection (TIME_WAIT): as long as Linux' tcp_tw_reuse asks for, since
 * the clocks of sequence numbers and timestamps go on and so tell an old segment from a new one (RFC 6191, section 2).
 */
export const packetRestSeconds = 1;
