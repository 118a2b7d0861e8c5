/**
 * What V8 has to be told by a process that floods or serves: of its compiler and of its collector of garbage.
 */

/**
 * Before it compiles the stack: to inline more than it does by itself. A segment passes twenty small
 * functions; with V8's own budget some of them stay calls, and a connection costs half as much again.
 */
export const compilerFlags = [
  '--max-inlined-bytecode-size-cumulative=4000',
  '--max-inlined-bytecode-size=1500',
] as const;

/**
 * And of its collector: to leave a heap alone that has grown and is at rest now. Else it collects all of it to give some
 * memory back, eight seconds later, in the middle of a measurement (26 to 35 ms without an answer were seen).
 */
export const collectorFlags = ['--no-memory-reducer'] as const;
