import type { Command } from 'commander';
import { measureRecognition, type RecognitionResult } from '../../bench/recognition/recognition.js';
import type { Summary } from '../../bench/statistics.js';
import { OrtEngine } from '../engine/ort.js';
import { type CommonOptions, common, finish, running } from './bench-shared.js';
import { integer, numberWithin } from './options.js';
import { percent, table } from './output.js';

/** `lichen bench recognition` */
export function addRecognition(bench: Command): void {
  common(
    bench
      .command('recognition')
      .summary('choice of the task, novelty and drift, on streams that nobody cut into tasks')
      .option('--seeds <n>', 'independent runs', integer(1, 100), 3)
      .option('--first-seed <n>', 'seed of the first run; the others follow it', integer(0, 2 ** 31), 0)
      .option(
        '--false-alarms <share>',
        'share of known samples that may be called novel',
        numberWithin(0.001, 0.5),
        0.05,
      ),
    `
Examples:
  lichen bench recognition
  lichen bench recognition --seeds 5 --false-alarms 0.01 --json`,
  ).action(async (options: CommonOptions & { seeds: number; firstSeed: number; falseAlarms: number }) => {
    const result = await running('Recognition', (say) =>
      measureRecognition(new OrtEngine(), { ...options, folder: options.data }, say),
    );
    finish(options, 'recognition', result, () => report(result));
  });
}

function report(result: RecognitionResult): string {
  const { novelty, taskChoice, streams, steadyAlarms, falseAlarmRate, appearing, sureness } = result;
  const spread = (s: Summary) => `${percent(s.mean)} ± ${(100 * s.deviation).toFixed(1)}`;
  return [
    table(
      ['known', 'novel', 'AUROC', `called novel of known (asked ${percent(falseAlarmRate)})`, 'of novel'],
      novelty.map((r) => [
        ...[r.known, r.novel, `${r.auroc.mean.toFixed(3)} ± ${r.auroc.deviation.toFixed(3)}`],
        ...[spread(r.falseAlarms), spread(r.found)],
      ]),
    ),
    table(
      ['task chosen rightly by', ...taskChoice.map((r) => r.tasks)],
      Object.keys(taskChoice[0]!.rules).map((rule) => [
        rule,
        ...taskChoice.map((r) => spread(r.rules[rule]!)),
      ]),
    ),
    table(
      ['change', 'frames until noticed', 'lowest', 'highest', 'missed', 'accuracy before', 'after', 'opened'],
      streams.map((r) => [
        r.change,
        ...(r.delay
          ? [r.delay.mean.toFixed(0), String(r.delay.lowest), String(r.delay.highest)]
          : ['-', '-', '-']),
        ...[String(r.missed), spread(r.accuracyBefore), spread(r.accuracyAfter), String(r.opened)],
      ]),
    ),
    `alarms in 10,000 frames without a change: ${steadyAlarms.mean.toFixed(1)} (${steadyAlarms.lowest} to ${steadyAlarms.highest})`,
    table(
      [
        'part',
        'task',
        'accuracy',
        'novel of known',
        'of unknown',
        'alarms',
        'first after',
        'without',
        'opened',
      ],
      appearing.parts.map((p) => [
        ...[p.part, spread(p.task), spread(p.accuracy), spread(p.novelOfKnown)],
        ...[p.novelOfUnknown ? spread(p.novelOfUnknown) : '-', p.alarms.mean.toFixed(1)],
        ...[p.delay ? `${p.delay.mean.toFixed(0)} (${p.delay.lowest} to ${p.delay.highest})` : '-'],
        ...[String(p.missed), String(p.opened)],
      ]),
    ),
    `over the whole stream: task ${spread(appearing.task)}, accuracy ${spread(appearing.accuracy)}`,
    `in 10,000 frames of known classes that come and go: ${appearing.falseAlarms.mean.toFixed(1)} alarms, ${appearing.falselyOpened.mean.toFixed(1)} tasks opened`,
    table(
      [
        'task',
        'labels a class',
        'accuracy',
        'calibration error, 3',
        'presumed',
        'fitted',
        'loss, 3',
        'presumed',
        'fitted',
      ],
      sureness.map(({ task, labelled, accuracy, by }) => [
        ...[task, labelled, spread(accuracy)],
        ...[spread(by['3'].error), spread(by.presumed.error), spread(by.fitted.error)],
        ...[by['3'], by.presumed, by.fitted].map(({ loss }) => loss.mean.toFixed(2)),
      ]),
    ),
  ].join('\n\n');
}
