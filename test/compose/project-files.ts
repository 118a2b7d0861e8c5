/**
 * The files that a cluster in containers is made of, read as Compose reads them: YAML with merges, and variables by
 * `${NAME}`, `${NAME:-default}` and `${NAME:?what to do}`. No Docker is asked.
 */

import { readFileSync } from 'node:fs';
import { parse } from 'yaml';
import { z } from 'zod';

const texts = z.array(z.string());
const attached = z.union([texts, z.record(z.string(), z.record(z.string(), z.unknown()))]);

const serviceSchema = z.looseObject({
  build: z
    .strictObject({
      context: z.string(),
      network: z.string(),
      target: z.string(),
      args: z.record(z.string(), z.string()),
    })
    .optional(),
  image: z.string(),
  command: texts.optional(),
  user: z.string().optional(),
  environment: z.record(z.string(), z.string()).default({}),
  networks: attached.optional(),
  network_mode: z.string().optional(),
  ports: texts.default([]),
  volumes: texts.default([]),
  tmpfs: texts.default([]),
  cap_drop: texts,
  cap_add: texts.default([]),
  security_opt: texts,
  read_only: z.boolean(),
  init: z.boolean(),
  cpuset: z.string(),
  mem_limit: z.string(),
  pids_limit: z.number(),
  cpus: z.number().optional(),
  profiles: texts.default([]),
  scale: z.number().optional(),
});
export type Service = z.output<typeof serviceSchema>;

const composeSchema = z.looseObject({
  services: z.record(z.string(), z.unknown()),
  networks: z.record(z.string(), z.looseObject({ internal: z.boolean().optional() })).default({}),
});

export interface Compose {
  /** As it stands in the file, variables and all. */
  readonly text: string;
  /** With variables put in. */
  readonly services: ReadonlyMap<string, Service>;
  readonly networks: Readonly<Record<string, { readonly internal?: boolean | undefined }>>;
}

export type Variables = Readonly<Record<string, string>>;

/** What docker/make-env.sh would write, but no secret of anybody's. */
export const someVariables: Variables = {
  STAMPEDE_COORDINATOR_PASSWORD: 'c'.repeat(48),
  STAMPEDE_AGENT_PASSWORD: 'a'.repeat(48),
  STAMPEDE_SERVER_PASSWORD: 's'.repeat(48),
  STAMPEDE_TOKEN: 't'.repeat(48),
  STAMPEDE_GRAFANA_PASSWORD: 'g'.repeat(48),
  STAMPEDE_SERVER_CPUS: '2-3',
  STAMPEDE_AGENT_CPUS: '0-1',
  STAMPEDE_CONTROL_CPUS: '0',
  STAMPEDE_USER: '1000',
  STAMPEDE_GROUP: '1000',
};

/** Of one that joins other machines, beside `someVariables`. */
export const someHosts: Variables = {
  STAMPEDE_CONTROL_ADDRESS: '192.0.2.1',
  STAMPEDE_REDIS_HOST: 'redis.lab',
  STAMPEDE_NAME: 'host-1',
  STAMPEDE_ALLOW: '198.18.0.1',
  STAMPEDE_ADDRESSES: '198.18.0.1',
};

export function readCompose(path: string, variables: Variables): Compose {
  const text = readFileSync(path, 'utf8');
  const { services, networks } = composeSchema.parse(interpolated(parse(text, { merge: true }), variables));
  return {
    text,
    networks,
    services: new Map(Object.entries(services).map(([name, one]) => [name, serviceSchema.parse(one)])),
  };
}

/** Names of the networks a service is on. */
export function networksOf({ networks = [] }: Service): string[] {
  return (Array.isArray(networks) ? networks : Object.keys(networks)).sort();
}

/** Instructions by stage: `FROM … AS name`, with what stands below it, continued lines joined. */
export function readDockerfile(): ReadonlyMap<
  string,
  { readonly from: string; readonly lines: readonly string[] }
> {
  const stages = new Map<string, { from: string; lines: string[] }>();
  let current: string[] = [];
  for (const line of withoutComments(readFileSync('Dockerfile', 'utf8'))
    .replaceAll(/\\\n\s*/g, '')
    .split('\n')) {
    const [, from, name] = /^FROM (\S+) AS (\S+)$/.exec(line) ?? [];
    if (from !== undefined && name !== undefined) {
      current = [];
      stages.set(name, { from, lines: current });
    } else if (line !== '') current.push(line);
  }
  return stages;
}

function withoutComments(text: string): string {
  return text.replaceAll(/^\s*#.*\n/gm, '');
}

/** Every text of a tree, however deep; what is no text is left as it is. */
function interpolated(tree: unknown, variables: Variables): unknown {
  if (typeof tree === 'string') return interpolate(tree, variables);
  if (Array.isArray(tree)) return tree.map((part) => interpolated(part, variables));
  if (tree === null || typeof tree !== 'object') return tree;
  return Object.fromEntries(Object.entries(tree).map(([key, part]) => [key, interpolated(part, variables)]));
}

function interpolate(text: string, variables: Variables): string {
  return text.replaceAll(
    /\$\{([A-Z0-9_]+)(?::([-?])((?:\\.|[^}\\])*))?\}/g,
    (_, name: string, kind: string | undefined, rest = '') => {
      const value = variables[name];
      if (value !== undefined) return value;
      if (kind === '-') return rest as string;
      throw new Error(`${name}: ${kind === '?' ? rest : 'has no value and no default'}`);
    },
  );
}
