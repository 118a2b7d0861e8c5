/** What can happen in a run, as the small integers that the event queue carries. */

/** Events of the engine: a packet reaches its core; a context goes on, is done with its step, has spun long enough; an open client. */
export const [onPacket, onContinue, onDone, onTired, onArrival] = [0, 1, 2, 3, 4];
