/** Who may import whom: the table of ARCHITECTURE.md, kept. */

import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { type SourceFile, sourceFiles } from './source-files.ts';

const everything = [
  'agent',
  'server-under-test',
  'coordinator',
  'control',
  'protocol',
  'measurement',
  'linux',
  'net',
  'simulator',
  'exporter',
];

/** Folder → what it may import, itself apart. Nothing below may know what is above. */
const mayImport: Readonly<Record<string, readonly string[]>> = {
  measurement: [],
  net: [],
  linux: ['net'],
  protocol: ['measurement'],
  exporter: ['protocol', 'measurement'],
  simulator: ['measurement'],
  control: ['protocol', 'measurement'],
  agent: ['control', 'protocol', 'linux', 'measurement', 'net'],
  'server-under-test': ['control', 'protocol', 'linux', 'measurement', 'net'],
  coordinator: ['control', 'protocol', 'measurement', 'exporter', 'simulator'],
  // Grafana's dashboards are made from the metrics' declarations, and name no metric that is not declared.
  'dashboards/grafana': ['exporter'],
  // Runs in browsers: more of it in a test of its own below.
  'dashboards/page': ['coordinator', 'protocol'],
  cli: [...everything, 'dashboards/page'],
  bench: [...everything, 'cli'],
  test: [...everything, 'cli', 'bench', 'dashboards/grafana', 'dashboards/page', 'setup'],
  setup: [],
};

const files = sourceFiles();
/** Of `dashboards/` each folder for itself: they run in different places. */
const folderOf = (path: string): string =>
  path
    .split('/')
    .slice(0, path.startsWith('dashboards/') ? 2 : 1)
    .join('/');

test('the import table holds in every file', () => {
  const broken = files.flatMap((file) => {
    const own = folderOf(file.path);
    const allowed = mayImport[own];
    if (allowed === undefined) return file.path === 'setup.mjs' ? [] : [`${file.path}: no row in the table`];
    return file.imports.flatMap(({ file: imported, specifier }) => {
      if (imported === null || imported.startsWith('..')) return [];
      const other = folderOf(imported);
      return other === own || allowed.includes(other) || !imported.includes('/')
        ? []
        : [`${file.path} imports ${specifier}`];
    });
  });
  assert.deepEqual(broken, []);
});

test('every import leads to a file', () => {
  const lost = files.flatMap((file) =>
    file.imports.flatMap(({ file: imported, specifier }) =>
      imported === null || existsSync(imported) || !/\.(ts|mjs)$/.test(imported)
        ? []
        : [`${file.path}: ${specifier}`],
    ),
  );
  assert.deepEqual(lost, []);
});

test('every package that is imported is in package.json, and the other way round', () => {
  const { dependencies, devDependencies } = JSON.parse(readFileSync('package.json', 'utf8')) as Record<
    string,
    Record<string, string>
  >;
  const declared = new Set(Object.keys({ ...dependencies, ...devDependencies }));
  const used = new Set<string>();
  const undeclared: string[] = [];
  for (const { path, imports } of files) {
    for (const { specifier } of imports) {
      if (specifier.startsWith('.') || specifier.startsWith('node:')) continue;
      const name = specifier
        .split('/')
        .slice(0, specifier.startsWith('@') ? 2 : 1)
        .join('/');
      used.add(name);
      // Dashboards are built here, and committed: who runs Stampede does not build them.
      const forTests = /^(test|bench|dashboards\/grafana)\//.test(path);
      if (!(name in (dependencies ?? {})) && !(forTests && declared.has(name)))
        undeclared.push(`${path}: ${name}`);
    }
  }
  assert.deepEqual(undeclared, []);
  // Used by name and not by import: the linter, the compiler, types.
  const tools = ['@biomejs/biome', 'typescript', '@types/node', '@types/ws'];
  assert.deepEqual(
    [...declared].filter((name) => !used.has(name) && !tools.includes(name)),
    [],
  );
});

test('what the page loads in a browser needs no package and nothing of Node', () => {
  const byPath = new Map(files.map((file) => [file.path, file]));
  const loaded = new Set<string>();
  const foreign: string[] = [];
  const waiting = ['dashboards/page/main.ts'];
  for (let path = waiting.pop(); path !== undefined; path = waiting.pop()) {
    if (loaded.has(path)) continue;
    loaded.add(path);
    for (const { file, specifier, typeOnly } of byPath.get(path)?.imports ?? []) {
      if (typeOnly) continue;
      if (file === null) foreign.push(`${path}: ${specifier}`);
      else waiting.push(file);
    }
  }
  assert.deepEqual(foreign, []);
  assert.ok(loaded.size > 20, 'it has hardly been looked at');
});

test('no file imports itself by way of others', () => {
  const byPath = new Map(files.map((file) => [file.path, file]));
  const done = new Set<string>();
  const cycles: string[] = [];
  const visit = (file: SourceFile, way: readonly string[]): void => {
    const at = way.indexOf(file.path);
    if (at >= 0) {
      cycles.push([...way.slice(at), file.path].join(' → '));
      return;
    }
    if (done.has(file.path)) return;
    for (const { file: imported, typeOnly } of file.imports) {
      const next = imported === null || typeOnly ? undefined : byPath.get(imported);
      if (next !== undefined) visit(next, [...way, file.path]);
    }
    done.add(file.path);
  };
  for (const file of files) visit(file, []);
  assert.deepEqual(cycles, []);
});

test('every file is used: imported, started as a thread or process, or run by name', () => {
  const used = new Set(
    files.flatMap(({ path, imports }) => imports.map(({ file }) => file).filter((file) => file !== path)),
  );
  const scripts = ['package.json', 'setup/start.mjs', 'dashboards/page/index.html']
    .map((path) => readFileSync(path, 'utf8'))
    .join('\n');
  const named = (path: string): boolean =>
    scripts.includes(path) || scripts.includes(path.replace(/\.ts$/, '.js'));
  const dead = files.filter(
    ({ path }) =>
      !used.has(path) &&
      !named(path) &&
      !/\.test\.ts$/.test(path) &&
      !/^bench\/[^/]+\.ts$/.test(path) &&
      path !== 'setup.mjs',
  );
  assert.deepEqual(
    dead.map(({ path }) => path),
    [],
  );
});
