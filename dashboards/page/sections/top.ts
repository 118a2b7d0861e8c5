/** The head of the page: the question, the answer so far and how far it can be relied on, what is under way. */

import { metrics } from '../../../coordinator/judge/metrics.ts';
import { figure, plural, scaled } from '../../../coordinator/report/figures.ts';
import type { Answer, ControlHealth, RunOutline } from '../../../protocol/live-page.ts';
import type { ConnectionState } from '../connection.ts';
import { type Child, element, type Tree } from '../tree.ts';
import type { Actions, Section, View } from '../view.ts';

const connectionWords: Readonly<Record<ConnectionState, string>> = {
  connecting: '○ connecting',
  open: '● live',
  waiting: '○ cut off, trying again',
  lost: '✕ no answer any more',
  over: '■ the run is over',
};

const phaseWords: Readonly<Record<string, string>> = {
  opening: 'opening the run folder',
  redis: 'connecting to Redis',
  lab: 'making the lab',
  members: 'waiting for the agents and the server host',
  trials: 'between two trials',
  judging: 'judging',
  closing: 'closing',
};

export const top: Section = {
  id: 'top',
  shows: (key) =>
    ['run', 'progress', 'answer', 'ended', 'control'].includes(key) || key.startsWith('verdicts/'),
  draw: (view, actions) => [
    kicker(view, actions),
    element('h1', {}, view.documents.get('run')?.question ?? view.documents.get('run')?.name ?? 'A run'),
    answer(view),
    ...thresholds(view.documents.get('answer')),
    ...progress(view),
    ...ending(view),
    facts(view),
  ],
};

function kicker({ documents, connection }: View, { retry }: Actions): Tree {
  const run = documents.get('run');
  const isFinished = run?.told === 'finished';
  const parts: Child[] = [
    element('span', {}, run === undefined ? 'Stampede' : `Stampede · ${run.name}`),
    element(
      'span',
      { class: `connection ${isFinished ? 'over' : connection}` },
      isFinished ? '■ read from its folder' : connectionWords[connection],
    ),
  ];
  if (connection === 'lost') parts.push(element('button', { type: 'button', onclick: retry }, 'Try again'));
  return element('p', { class: 'kicker' }, ...parts);
}

function answer({ documents }: View): Tree {
  const run = documents.get('run');
  const known = documents.get('answer');
  if (run === undefined || known === undefined) {
    const words =
      documents.get('ended') === undefined
        ? 'No answer yet: the first comes after a whole block.'
        : 'No answer.';
    return element('p', { class: 'answer' }, words);
  }
  return element(
    'div',
    { class: `answer ${known.isFinal ? headlineVerdict(documents, run) : 'interim'}` },
    element('p', { class: 'standing' }, standing(known, run)),
    element('p', {}, known.text),
  );
}

function standing({ isFinal, blocks }: Answer, run: RunOutline): string {
  if (isFinal) return `The answer, on ${plural(blocks, 'block')}`;
  return `So far, on ${blocks} of ${plural(run.blocks, 'block')}: this may still change`;
}

/** That of its verdict, when there is one for all it speaks of. */
function headlineVerdict(documents: View['documents'], run: RunOutline): string {
  const verdicts = new Set(
    run.conditions.flatMap((_, place) =>
      (documents.at('verdicts', place) ?? [])
        .filter(({ metric }) => metric === run.headline)
        .map(({ verdict }) => verdict),
    ),
  );
  const [only] = verdicts;
  return verdicts.size === 1 && only !== undefined ? only : 'inconclusive';
}

function thresholds(known: Answer | undefined): Tree[] {
  const broken = known?.thresholds.filter(({ holds }) => !holds) ?? [];
  return broken.map(({ metric, variant, min, max, value }) => {
    const wanted = [
      ...(min === null ? [] : [`at least ${figure(metric, min)}`]),
      ...(max === null ? [] : [`at most ${figure(metric, max)}`]),
    ].join(' and ');
    const said = `✗ threshold ${known?.isFinal === true ? 'broken' : 'broken so far'}: ${metrics[metric].title} of ${variant} is ${figure(metric, value)}, wanted ${wanted}`;
    return element('p', { class: 'broken' }, said);
  });
}

function progress({ documents }: View): Tree[] {
  const told = documents.get('progress');
  if (told === undefined || documents.get('ended') !== undefined) return [];
  const { done, total, underWay, secondsLeft, connectionsPerSecond, phase } = told;
  const words = [
    total === 0 ? null : `${done} of ${plural(total, 'trial')} done`,
    secondsLeft === null || phase !== 'trials' ? null : `about ${timeWords(secondsLeft)} left`,
    underWay === null
      ? (phaseWords[phase] ?? phase)
      : `now ${underWay.what}${underWay.attempt > 1 ? ` (attempt ${underWay.attempt})` : ''}`,
    connectionsPerSecond === null ? null : `${scaled(connectionsPerSecond)} connections/s`,
  ].filter((word) => word !== null);
  return [
    element('progress', { max: Math.max(1, total), value: done, 'aria-label': 'Trials that are done' }),
    element('p', { class: 'now' }, words.join(' · ')),
  ];
}

function ending({ documents }: View): Tree[] {
  const ended = documents.get('ended');
  const run = documents.get('run');
  if (ended === undefined) return [];
  const isWhole = ended.state === 'complete';
  const parts: Tree[] = [];
  if (!isWhole)
    parts.push(
      element('p', { class: 'broken' }, `✗ ${ended.state}: ${ended.reason ?? stateWords(ended.state)}`),
    );
  if (run !== undefined && run.told === 'live')
    parts.push(
      element(
        'p',
        { class: 'now' },
        'The run is over and so is its server; this page stays as it is. To open it again, with the report: ',
        element('code', {}, `stampede view ${shellWord(run.folder)}`),
      ),
    );
  return parts;
}

function stateWords(state: string): string {
  return state === 'running'
    ? 'it was under way, or had been interrupted, when the folder was read'
    : 'no reason was recorded';
}

function facts({ documents }: View): Tree {
  const run = documents.get('run');
  if (run === undefined) return element('ul', { class: 'facts' });
  const control = documents.get('control');
  const ended = documents.get('ended');
  const list = [
    `Run ${run.run}${ended === undefined ? '' : `: ${ended.state}`}`,
    run.startedAt.slice(0, 16).replace('T', ' ').concat(' UTC'),
    `lab ${run.lab}`,
    `baseline ${run.baseline}`,
    `${plural(run.blocks, 'block')} of ${plural(run.cells.length, 'cell')}, ${run.measuredSeconds} s measured in each`,
    ...(control === undefined ? [] : [controlWords(control)]),
  ];
  return element('ul', { class: 'facts' }, ...list.map((fact) => element('li', {}, fact)));
}

function controlWords({ redisRoundTripSeconds, stalledJobs }: ControlHealth): string {
  const redis =
    redisRoundTripSeconds === null
      ? 'Redis does not answer'
      : `Redis answers in ${(redisRoundTripSeconds * 1000).toFixed(1)} ms`;
  return stalledJobs === 0 ? redis : `${redis}, ${plural(stalledJobs, 'order')} stalled`;
}

/** 68 → "1 min 8 s". */
function timeWords(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${whole % 60} s`;
  return `${Math.floor(whole / 3600)} h ${Math.floor((whole % 3600) / 60)} min`;
}

/** As a shell takes it back in one piece. */
function shellWord(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}
