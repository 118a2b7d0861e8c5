/** `npm run dashboards`: writes what is made from code and read by others: Grafana's JSON, the tables of docs/metrics.md. */

import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { beginMark, endMark, metricTables } from '../../exporter/page.ts';
import { dashboardFiles, jsonFolder } from './json.ts';

mkdirSync(jsonFolder, { recursive: true });
for (const [path, text] of dashboardFiles()) writeFileSync(path, text);

const page = 'docs/metrics.md';
const [before, rest = ''] = readFileSync(page, 'utf8').split(beginMark);
const [, after = ''] = rest.split(endMark);
writeFileSync(page, `${before}${beginMark}\n\n${metricTables()}\n\n${endMark}${after}`);
