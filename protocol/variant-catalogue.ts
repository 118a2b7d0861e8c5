/**
 * The server designs that can be put under test, by name, with the options each has.
 *
 * This is what scenarios are checked against; the code of each is one file in `server-under-test/variants/`, listed in
 * a table there whose type demands every design named here. A variant is written `design` or `design:option`.
 */

export interface DesignDescription {
  /** Options after the colon; the first is what the bare name means. Empty: the design has none. */
  readonly options: readonly string[];
  readonly applications: readonly Application[];
  /** False for a program that is not ours and may be missing: it is a reference, used where installed. */
  readonly ours: boolean;
  /** It takes frames from network devices, below the kernel's TCP: that needs rights, and a network that has frames. */
  readonly takesFrames: boolean;
  readonly summary: string;
}

export const applications = ['echo', 'http'] as const;
export type Application = (typeof applications)[number];

export const designs = {
  'single-queue': {
    options: ['epoll', 'epoll-exclusive', 'blocking'],
    applications: ['echo', 'http'],
    ours: true,
    takesFrames: false,
    summary: 'one listening socket, one accept queue, shared by every core',
  },
  reuseport: {
    options: ['hash', 'cpu'],
    applications: ['echo', 'http'],
    ours: true,
    takesFrames: false,
    summary: 'one SO_REUSEPORT listening socket and accept queue a core',
  },
  'user-level': {
    options: ['auto', 'af-xdp', 'af-packet'],
    applications: ['echo', 'http'],
    ours: true,
    takesFrames: true,
    summary: 'a TCP of its own a core, in the server process, on frames straight from the device (mTCP)',
  },
  nginx: {
    options: [],
    applications: ['http'],
    ours: false,
    takesFrames: false,
    summary: 'nginx, one worker a core on one shared listener',
  },
  'nginx-reuseport': {
    options: [],
    applications: ['http'],
    ours: false,
    takesFrames: false,
    summary: 'nginx, one worker a core, "listen … reuseport"',
  },
} as const satisfies Record<string, DesignDescription>;

export type Design = keyof typeof designs;

export interface Variant {
  readonly design: Design;
  /** Null for a design that has no options. */
  readonly option: string | null;
}

/** `single-queue:blocking` → its parts; null when there is no such design or option. */
export function parseVariant(text: string): Variant | null {
  const [design, option, ...rest] = text.split(':');
  if (design === undefined || rest.length > 0 || !Object.hasOwn(designs, design)) return null;
  const options: readonly string[] = designs[design as Design].options;
  if (option === undefined) return { design: design as Design, option: options[0] ?? null };
  return options.includes(option) ? { design: design as Design, option } : null;
}

/** Every way to name a variant, for error messages and for completion in editors. */
export function variantNames(): string[] {
  return Object.entries(designs).flatMap(([name, { options }]) => [
    name,
    ...options.map((option) => `${name}:${option}`),
  ]);
}
