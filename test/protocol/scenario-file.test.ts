/** Scenario files: what is wrong is said with its line, all of it at once, and nothing gets through. */

import assert from 'node:assert/strict';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import { Failure } from '../../protocol/failure.ts';
import { scenarioJsonSchema } from '../../protocol/scenario.ts';
import { loadScenario, overrideScenario, parseScenario } from '../../protocol/scenario-file.ts';

const good = `# kept
name: good   # kept too
factors:
  variant: [single-queue, reuseport]
  concurrency: 16
`;

/** The lines of the complaint about a text. */
function complaint(text: string): string[] {
  try {
    parseScenario(text, 'F');
  } catch (error) {
    assert.ok(error instanceof Failure, String(error));
    assert.equal(error.exitStatus, 2);
    return error.message.split('\n');
  }
  assert.fail('it was taken');
}

const withLine = (line: string): string => `${good}${line}\n`;

test('parseScenario() fills in what is not said', () => {
  const scenario = parseScenario(good, 'F');
  assert.deepEqual(scenario.factors.cores, [1]);
  assert.deepEqual(scenario.factors.close, ['client-fin']);
  assert.deepEqual(scenario.factors.concurrency, [16]);
  assert.equal(scenario.factors.rate, undefined);
  assert.equal(scenario.blocks, 10);
  assert.equal(scenario.agents.count, 1);
  assert.equal(scenario.lab, 'auto');
});

const wrong: readonly [what: string, text: string, said: string][] = [
  ['an empty file', '', 'F:1:1: the file is empty; wanted a scenario (see docs/scenarios.md)'],
  ['only a comment', '# nothing\n', 'F:1:1: the file is empty; wanted a scenario (see docs/scenarios.md)'],
  ['a list', '- 1\n- 2\n', 'F:1:1: the file is a list; wanted a map of keys and values'],
  ['a number', '17\n', 'F:1:1: the file is 17; wanted a map of keys and values'],
  ['a tab', 'name: x\nfactors:\n\tcores: 1\n', 'F:3:1: a tab indents this line; wanted spaces'],
  ['a key that stands twice', withLine('name: again'), 'F:6:1: this key stands twice; wanted each once'],
  ['a second document', withLine('---\nname: two'), 'F:6:1: a second document begins here; wanted one'],
  ['an unknown key', withLine('block: 3'), 'F:6:1: block: there is no such key; wanted one of'],
  ['an unknown key, meant', withLine('block: 3'), '(did you mean "blocks"?)'],
  ['__proto__', withLine('__proto__: {blocks: 1}'), 'F:6:1: __proto__: there is no such key; wanted one of'],
  [
    'a unit',
    withLine('warmUpSeconds: 5s'),
    'F:6:16: warmUpSeconds: is "5s"; wanted a number of seconds, without a unit',
  ],
  ['a negative', withLine('warmUpSeconds: -1'), 'F:6:16: warmUpSeconds: is -1; wanted at least 0'],
  ['a fraction', withLine('blocks: 2.5'), 'F:6:9: blocks: is 2.5; wanted a whole number'],
  ['infinity', withLine('measuredSeconds: .inf'), 'F:6:18: measuredSeconds: is Infinity; wanted'],
  ['not a number', withLine('measuredSeconds: .nan'), 'F:6:18: measuredSeconds: is NaN; wanted'],
  ['no blocks', withLine('blocks: 0'), 'F:6:9: blocks: is 0; wanted at least 1'],
  [
    'a lab',
    withLine('lab: namespace'),
    'F:6:6: lab: is "namespace"; wanted one of auto, loopback, namespaces, cluster (did you mean "namespaces"?)',
  ],
  [
    'a baseline',
    withLine('baseline: nginx'),
    'F:6:11: baseline: "nginx" is not one of the compared variants; wanted one of single-queue, reuseport',
  ],
  [
    'a path as a name',
    good.replace('good ', '../../etc/passwd '),
    'F:2:7: name: is "../../etc/passwd"; wanted lower-case letters, digits and hyphens, at most 64',
  ],
  [
    'a variant',
    good.replace('reuseport', 'reuse-port'),
    'F:4:27: factors.variant[1]: no such variant "reuse-port"; wanted one of',
  ],
  ['a variant, meant', good.replace('reuseport', 'reuse-port'), '(did you mean "reuseport"?)'],
  ['an option of a variant', good.replace('reuseport', 'reuseport:cpus'), '(did you mean "reuseport:cpu"?)'],
  [
    'a level twice',
    good.replace('reuseport', 'single-queue'),
    'F:4:12: factors.variant: the same level stands twice; wanted each level once',
  ],
  [
    'a level of the wrong type',
    good.replace('16', '[16, "many"]'),
    'F:5:21: factors.concurrency[1]: is "many"; wanted a number',
  ],
  [
    'too many messages',
    good.replace('concurrency: 16', 'concurrency: 16\n  messages: 129'),
    'F:6:13: factors.messages: is 129; wanted at most 128',
  ],
  [
    'closed and open loop',
    good.replace('concurrency: 16', 'concurrency: 16\n  rate: 5'),
    'F:4:3: factors: both concurrency and rate are there',
  ],
  [
    'no loop',
    good.replace('  concurrency: 16\n', ''),
    'F:4:3: factors: neither concurrency nor rate is there',
  ],
  ['no factors', 'name: x\n', 'F:1:1: factors: is missing; wanted a map of keys and values'],
  [
    'nginx and echo',
    good.replace('reuseport', 'nginx'),
    'F:4:27: factors.variant[1]: "nginx" does not speak echo; wanted application: http, or another variant',
  ],
  [
    'a long http request',
    withLine('application: http').replace('concurrency', 'requestBytes: [8192, 8193]\n  concurrency'),
    'F:5:24: factors.requestBytes[1]: is 8193, a longer request head than HTTP servers take; wanted at most 8192 with application: http',
  ],
  [
    'a threshold of nobody',
    withLine('thresholds: [{metric: connectionsPerSecond, variant: nginx, min: 1}]'),
    'F:6:54: thresholds[0].variant: "nginx" is not one of the compared variants',
  ],
  [
    'a threshold without a bound',
    withLine('thresholds: [{metric: connectionsPerSecond}]'),
    'F:6:14: thresholds[0]: neither min nor max is there; wanted one, or both',
  ],
  [
    'too many trials',
    withLine('blocks: 1000').replace(
      'concurrency: 16',
      `concurrency: [${Array.from({ length: 60 }, (_, i) => i + 1).join(', ')}]`,
    ),
    'F:6:9: blocks: 120 cells × 1000 blocks are 120000 trials; wanted at most 100000',
  ],
  [
    'a tag',
    withLine('question: !!js/function "x"'),
    'F:6:11: not YAML (Unresolved tag: tag:yaml.org,2002:js/function); wanted',
  ],
  ['depth', `x: ${'['.repeat(40)}${']'.repeat(40)}\n`, 'nested more than 16 deep; wanted a scenario'],
  [
    'an alias bomb',
    'a: &a [1,1,1,1,1,1,1,1,1]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b]\nd: [*c,*c,*c,*c,*c]\n',
    'its aliases cannot be followed',
  ],
  ['a huge file', `${good}#${'x'.repeat(2_000_000)}`, 'F:1:1: 2000096 bytes; wanted at most 1048576'],
  [
    'depth that would exhaust the stack',
    `x: ${'['.repeat(100_000)}`,
    'nested more than 16 deep; wanted a scenario',
  ],
  ['depth by dashes', '- '.repeat(50_000), 'F:1:36: nested more than 16 deep; wanted a scenario'],
  [
    'many values',
    `x: [${'1,'.repeat(30_000)}1]\n`,
    'more than 20000 keys, values and marks; wanted a scenario',
  ],
  [
    'many keys',
    Array.from({ length: 100_000 }, (_, index) => `k${index}: 1\n`).join(''),
    'more than 20000 keys, values and marks; wanted a scenario',
  ],
  ['many tags', '! '.repeat(300_000), 'more than 20000 keys, values and marks; wanted a scenario'],
  [
    'a question that moves the cursor',
    withLine('question: "\\e[2Jhi"'),
    'F:6:11: question: holds a control character; wanted a sentence',
  ],
  [
    'a name that moves the cursor',
    withLine('baseline: "\\e[2J"'),
    'no such variant "\\u001b[2J"; wanted one of',
  ],
];

for (const [what, text, said] of wrong) {
  test(`parseScenario() refuses ${what}, with its line`, () => {
    const lines = complaint(text);
    assert.ok(
      lines.some((line) => line.includes(said)),
      `wanted "${said}" in:\n${lines.join('\n')}`,
    );
  });
}

test('parseScenario() says every problem at once, in the order of the lines', () => {
  const lines = complaint(
    'name: Bad Name\nlab: moon\nfactors:\n  variant: nothing\n  cores: 0\n  concurrency: 0\nblock: 1\n',
  );
  assert.deepEqual(
    lines.map((line) => line.split(': ', 2).join(' ')),
    [
      'F:1:7 name',
      'F:2:6 lab',
      'F:4:12 factors.variant',
      'F:5:10 factors.cores',
      'F:6:16 factors.concurrency',
      'F:7:1 block',
    ],
  );
});

test('parseScenario() says what does not fit together beside what is wrong by itself', () => {
  const lines = complaint(
    'name: x\nwarmUpSeconds: 5s\nfactors:\n  variant: [single-queue, nginx]\n  concurrency: 16\n  rate: 1e3\n' +
      'baseline: reuseport\nblock: 3\nthresholds:\n  - {metric: connectionsPerSecond, min: 2, max: 1}\n  - {metric: speed}\n',
  );
  assert.deepEqual(
    lines.map((line) => line.slice(0, line.indexOf(';'))),
    [
      'F:2:16: warmUpSeconds: is "5s"',
      'F:4:3: factors: both concurrency and rate are there',
      'F:4:27: factors.variant[1]: "nginx" does not speak echo',
      'F:7:11: baseline: "reuseport" is not one of the compared variants',
      'F:8:1: block: there is no such key',
      'F:10:41: thresholds[0].min: is 2, over max 1',
      'F:11:14: thresholds[1].metric: is "speed"',
    ],
  );
});

test('parseScenario() draws no conclusions from a value that is wrong', () => {
  const places = (text: string) => complaint(text).map((line) => line.split(': ', 2).join(' '));
  assert.deepEqual(places('name: x\nfactors: {variant: reuse-port, rate: 0}\nbaseline: reuseport\n'), [
    'F:2:20 factors.variant',
    'F:2:38 factors.rate',
  ]);
  assert.deepEqual(places('name: x\nfactors: 7\nbaseline: reuseport\nthresholds: 3\n'), [
    'F:2:10 factors',
    'F:4:13 thresholds',
  ]);
  assert.deepEqual(places(withLine('thresholds: [null, 7]')), [
    'F:6:14 thresholds[0]',
    'F:6:20 thresholds[1]',
  ]);
});

test('overrideScenario() takes numbers as a file does', () => {
  const rates = (set: string) =>
    parseScenario(overrideScenario(good, { set: [`rate=${set}`] }), 'F').factors.rate;
  assert.deepEqual(rates('1e3,2.5E3,+10,.5'), [1_000, 2_500, 10, 0.5]);
  assert.throws(() => rates('1k'), /factors\.rate.*is "1k"; wanted a number/);
});

test('parseScenario() says at most 20 problems, and how many more there are', () => {
  const lines = complaint(Array.from({ length: 50 }, (_, index) => `key${index}: 1`).join('\n'));
  assert.equal(lines.length, 21);
  assert.match(lines[20] as string, /^F: and \d+ more$/);
});

test('parseScenario() shows nothing of a file that could steer a terminal', () => {
  const lines = complaint('"\\e[2J\\e]0;x\\a": 1\nlab: "\\e[31m"\n');
  assert.ok(!lines.join('').includes('\x1b'), lines.join('\n'));
});

test('parseScenario() takes aliases that are few', () => {
  const scenario = parseScenario(good.replace('16', '&many 16').concat('seed: *many\n'), 'F');
  assert.equal(scenario.seed, 16);
});

test('parseScenario() ends every text in a scenario or a Failure, whatever it holds', () => {
  const piece = fc.oneof(
    fc.constantFrom(
      'name',
      'factors',
      'variant',
      'cores',
      ':',
      ' ',
      '\n',
      '  ',
      '- ',
      '[',
      ']',
      '{',
      '}',
      '*a',
      '&a ',
      '!!',
      '|',
      '>',
      '"',
      "'",
      '#',
      '? ',
      '<<',
      '__proto__',
      'constructor',
      'null',
      '~',
    ),
    fc.string({ maxLength: 8, unit: 'binary' }),
  );
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 60 }), (pieces) => {
      try {
        parseScenario(pieces.join(''), 'F');
      } catch (error) {
        assert.ok(error instanceof Failure, String(error));
      }
    }),
    { numRuns: 1000 },
  );
});

test('loadScenario() reads every scenario of the project', async () => {
  for (const name of await readdir('scenarios')) {
    const { scenario } = await loadScenario(join('scenarios', name));
    assert.equal(`${scenario.name}.yaml`, name);
    assert.ok((scenario.question ?? '').endsWith('?'), `${name} asks no question`);
  }
});

test('loadScenario() says what it cannot read', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'stampede-scenario-'));
  t.after(() => rm(folder, { recursive: true, maxRetries: 20, retryDelay: 100 }));
  await assert.rejects(
    loadScenario(join(folder, 'none.yaml')),
    /Cannot read the scenario ".*none.yaml": ENOENT/,
  );
  await assert.rejects(loadScenario(folder), /it is not a file; wanted a YAML file/);
  await writeFile(join(folder, 'huge.yaml'), Buffer.alloc(1_100_000, 35));
  await assert.rejects(
    loadScenario(join(folder, 'huge.yaml')),
    /it has 1100000 bytes, at most 1048576 are taken/,
  );
});

test('overrideScenario() writes the changes into the text and keeps its comments', () => {
  const text = overrideScenario(good, { blocks: 3, lab: 'loopback', set: ['cores=1,2', 'close=client-rst'] });
  assert.match(text, /^# kept\nname: good {1,}# kept too/);
  const scenario = parseScenario(text, 'F');
  assert.deepEqual(scenario.factors.cores, [1, 2]);
  assert.deepEqual(scenario.factors.close, ['client-rst']);
  assert.deepEqual([scenario.blocks, scenario.lab], [3, 'loopback']);
});

test('overrideScenario() takes the closed loop out when a rate is set, and the other way round', () => {
  const open = overrideScenario(good, { set: ['rate=1000,2000'] });
  assert.deepEqual(parseScenario(open, 'F').factors.rate, [1000, 2000]);
  assert.equal(parseScenario(open, 'F').factors.concurrency, undefined);
  const closed = overrideScenario(open, { set: ['concurrency=8'] });
  assert.deepEqual(parseScenario(closed, 'F').factors.concurrency, [8]);
});

test('overrideScenario() refuses the same factor twice: the first would be forgotten without a word', () => {
  assert.throws(() => overrideScenario(good, { set: ['cores=1', 'rate=5', 'cores=2'] }), {
    message: 'Cannot set "cores" twice: wanted all its levels in one, e.g. --set cores=LEVEL,LEVEL.',
  });
});

test('parseScenario() makes one line of a question written over several', () => {
  const { question } = parseScenario(withLine('question: |\n  Which is\n  better?'), 'F');
  assert.equal(question, 'Which is better?');
});

test('overrideScenario() leaves a text alone when nothing is to be changed', () => {
  assert.equal(overrideScenario(good, {}), good);
});

for (const [argument, said] of [
  ['core=1', /there is no factor "core"; wanted one of .*\(did you mean "cores"\?\)/],
  ['cores', /wanted FACTOR=LEVEL/],
  ['cores=', /wanted FACTOR=LEVEL/],
  ['cores=1,,2', /wanted FACTOR=LEVEL/],
  ['=1', /wanted FACTOR=LEVEL/],
  ['__proto__=1', /there is no factor "__proto__"/],
] as const) {
  test(`overrideScenario() refuses --set ${argument}`, () => {
    assert.throws(() => overrideScenario(good, { set: [argument] }), said);
  });
}

test('scenario.schema.json is what the scenario says (else: npm run schema)', async () => {
  const written: unknown = JSON.parse(await readFile('protocol/scenario.schema.json', 'utf8'));
  assert.deepEqual(written, JSON.parse(JSON.stringify(scenarioJsonSchema())));
});
