/**
 * Judges what a run folder holds and writes what came out beside it: comparison.json, report.html, report.md, junit.xml.
 * May be called on any folder at any time, also of an interrupted run: the same folder gives the same files.
 */

import type { Comparison } from '../../protocol/comparison-record.ts';
import type { RunFolder } from '../../protocol/run-folder.ts';
import { writeWhole } from '../durable-file.ts';
import { judge } from '../judge/judge.ts';
import { modelRows } from '../model/modelled.ts';
import { page } from './html/page.ts';
import { junit } from './junit.ts';
import { markdown } from './markdown.ts';
import { readRun } from './read-run.ts';
import { tellStory } from './story.ts';

/** @throws {Failure} when the folder is not a run, is damaged, or cannot be written to. */
export async function writeReports(folder: RunFolder): Promise<Comparison> {
  const reading = await readRun(folder);
  const { scenario, trials, environment } = reading;
  const comparison = {
    ...judge({ run: reading.run.run, scenario, trials }),
    model: modelRows({ scenario, trials, environment }),
  };
  const story = tellStory(reading, comparison);
  await writeWhole(folder.comparison, `${JSON.stringify(comparison, null, 2)}\n`);
  await writeWhole(folder.junit, junit(comparison));
  await writeWhole(folder.reportMarkdown, markdown(story));
  await writeWhole(folder.reportHtml, page(story));
  return comparison;
}
