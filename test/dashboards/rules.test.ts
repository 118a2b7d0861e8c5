/** Prometheus' own tool on its configuration and rules: well-formed, right on their tests, and each of them tested. */

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { parse } from 'yaml';
import { metricNames } from '../../exporter/metrics.ts';
import { withoutProgram } from './prometheus-server.ts';

const folder = 'dashboards/prometheus';
const skip = withoutProgram('promtool');

interface Rule {
  readonly alert?: string;
  readonly record?: string;
  readonly expr: string;
  readonly labels?: Record<string, string>;
  readonly annotations?: Record<string, string>;
}

const rulesIn = (file: string): Rule[] =>
  parse(readFileSync(`${folder}/rules/${file}`, 'utf8')).groups.flatMap(
    (group: { rules: Rule[] }) => group.rules,
  );
const recordings = rulesIn('recording.yml');
const alerts = rulesIn('alerts.yml');

function promtool(...parameters: readonly string[]): string {
  const { status, stdout, stderr } = spawnSync('promtool', parameters, { encoding: 'utf8' });
  assert.equal(status, 0, `promtool ${parameters.join(' ')}:\n${stdout}${stderr}`);
  return stdout;
}

test('promtool check config and check rules find nothing wrong', { skip }, (t) => {
  const scratch = mkdtempSync(join(tmpdir(), 'stampede-prometheus-'));
  t.after(() => rmSync(scratch, { recursive: true, force: true }));
  const secret = join(scratch, 'token');
  writeFileSync(secret, 'x');
  // The file of the token is the cluster's; all else is checked as it stands.
  const text = readFileSync(`${folder}/prometheus.yml`, 'utf8')
    .replaceAll('/run/secrets/stampede_token', secret)
    .replace('rules/*.yml', join(process.cwd(), folder, 'rules/*.yml'));
  writeFileSync(join(scratch, 'prometheus.yml'), text);
  assert.match(promtool('check', 'config', join(scratch, 'prometheus.yml')), /2 rule files found/);
  assert.doesNotMatch(promtool('check', 'rules', `${folder}/rules/alerts.yml`), /duplicate/);
});

test('promtool test rules holds: every alert fires where it must and is silent where it must', {
  skip,
}, () => {
  promtool('test', 'rules', `${folder}/rules.test.yml`);
});

test('every alert is tested both ways, every recording by its value', () => {
  const tests = parse(readFileSync(`${folder}/rules.test.yml`, 'utf8')).tests as {
    input_series: { series: string }[];
    alert_rule_test?: { alertname: string; exp_alerts: unknown[] }[];
    promql_expr_test?: { expr: string }[];
  }[];
  for (const { alert } of alerts) {
    const cases = tests.flatMap((one) =>
      (one.alert_rule_test ?? [])
        .filter(({ alertname }) => alertname === alert)
        .map(({ exp_alerts }) => ({ fired: exp_alerts.length, series: one.input_series.length })),
    );
    assert.ok(
      cases.some(({ fired }) => fired > 0),
      `${alert} never fires in a test`,
    );
    // Silent at another time, or for another series of the same test.
    assert.ok(
      cases.some(({ fired, series }) => fired < series),
      `${alert} is never silent in a test`,
    );
  }
  const asked = tests.flatMap((one) => (one.promql_expr_test ?? []).map(({ expr }) => expr)).join('\n');
  for (const { record } of recordings) assert.ok(asked.includes(record ?? ''), `${record} is not tested`);
});

test('rules rest on metrics that are declared, and alerts say what to do', () => {
  const recorded = recordings.map(({ record }) => record);
  for (const { alert, record, expr, labels, annotations } of [...recordings, ...alerts]) {
    const name = alert ?? record ?? '';
    const bare = recorded.reduce<string>((text, one) => text.replaceAll(one ?? '', ''), expr);
    for (const used of bare.match(/stampede_[a-z_]+/g) ?? [])
      assert.ok(
        (metricNames as readonly string[]).includes(used.replace(/_bucket$/, '')),
        `${name}: ${used}`,
      );
    if (alert === undefined) continue;
    assert.match(alert, /^Stampede[A-Z][A-Za-z]+$/);
    assert.match(labels?.severity ?? '', /^(warning|critical)$/, alert);
    assert.match(annotations?.summary ?? '', /\.$/, alert);
    assert.match(annotations?.description ?? '', /[.?]$/, alert);
  }
});

test('prometheus.yml scrapes every role where docker-compose has it, with the token from a file', () => {
  const { scrape_configs: jobs } = parse(readFileSync(`${folder}/prometheus.yml`, 'utf8'));
  const targets = jobs.map((job: Record<string, never>) => [
    job.job_name,
    (job.static_configs as { targets: string[] }[] | undefined)?.[0]?.targets ??
      (job.dns_sd_configs as { names: string[]; type: string; port: number }[]).map(
        ({ names, type, port }) => `${type} ${names.join()}:${port}`,
      ),
  ]);
  assert.deepEqual(targets, [
    ['stampede-coordinator', ['coordinator:9464']],
    ['stampede-server', ['server-under-test:9464']],
    ['stampede-agent', ['A agent:9464']],
  ]);
  for (const job of jobs) {
    assert.equal(job.authorization.credentials_file, '/run/secrets/stampede_token');
    assert.equal(job.authorization.credentials, undefined);
    assert.ok(job.sample_limit > 0 && job.label_limit > 0 && job.body_size_limit !== undefined);
  }
});
