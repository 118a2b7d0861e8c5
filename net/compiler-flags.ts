/**
 * What V8 has to be told before it compiles the stack: to inline more than it does by itself. A segment passes twenty small
 * functions; with V8's own budget some of them stay calls, and a connection costs half as much again.
 */
export const compilerFlags = [
  '--max-inlined-bytecode-size-cumulative=4000',
  '--max-inlined-bytecode-size=1500',
] as const;
