import type { Command } from 'commander';
import { latentsOfFiles } from '../backbone/latents.js';
import { listClassFolders } from '../capture/class-folders.js';
import type { EngineChoice } from '../engine/engine.js';
import { LichenError } from '../errors.js';
import { Recognizer } from '../recognize/recognizer.js';
import { DEFAULT_STORE, type Device, withDevice } from './device.js';
import { engineOption } from './options.js';
import { bytes, percent, print, table } from './output.js';
import { bar, runSteps } from './progress.js';

interface EvaluateOptions {
  data: string;
  task: string;
  store: string;
  backbone?: string;
  engine: EngineChoice;
  json: boolean;
  quiet: boolean;
}

/** What `lichen evaluate --json` prints. */
export interface Evaluation {
  task: string;
  version: number | 'instant';
  engine: string;
  accuracy: number;
  samples: number;
  perClass: Record<string, { samples: number; accuracy: number }>;
  /** confusion[true class][answered class] = samples */
  confusion: Record<string, Record<string, number>>;
  unreadable: { file: string; reason: string }[];
  seconds: number;
  peakRssBytes: number;
}

export function addEvaluate(program: Command): void {
  program
    .command('evaluate')
    .summary('measure a task on class folders')
    .description('Measures what a task runs now on a folder with one folder of pictures a class.')
    .requiredOption('--data <folder>', 'folder of class folders; better none that was learned from')
    .requiredOption('--task <name>', 'the task')
    .option('--store <folder>', 'where tasks and versions are kept', DEFAULT_STORE)
    .option('--backbone <manifest>', 'another backbone than the bundled one')
    .addOption(engineOption())
    .option('--json', 'print one line of JSON', false)
    .option('--quiet', 'no progress', false)
    .addHelpText(
      'after',
      `
Examples:
  lichen evaluate --data test-photos --task screws
  lichen evaluate --data test-photos --task screws --json | jq .confusion`,
    )
    .action(async (options: EvaluateOptions) => {
      const result = await withDevice(options, { readOnly: true }, (device) => evaluate(device, options));
      print(result, options.json, () => describe(result));
    });
}

async function evaluate({ engine, backbone, store }: Device, options: EvaluateOptions): Promise<Evaluation> {
  const start = performance.now();
  const task = store.tasks.require(options.task);
  const files = listClassFolders(options.data);
  const unknown = [...new Set(files.map((f) => f.label))].filter((l) => !task.classes.includes(l));
  if (unknown.length > 0) {
    throw new LichenError(
      'class-unknown',
      `${options.data} has folders that are no classes of task '${task.name}': ${unknown.join(', ')}; its classes are ${task.classes.join(', ')}`,
    );
  }
  const context = { result: undefined as Evaluation | undefined };
  await runSteps(
    [
      {
        title: `Evaluating '${task.name}' on ${files.length} pictures`,
        run: async (c, say) => {
          const trunk = await backbone.openTrunk(engine);
          const paths = files.map((f) => f.file);
          const input = backbone.manifest.input;
          const read = await latentsOfFiles(paths, trunk, input, 8, (n) => say(bar(n, files.length)));
          await trunk.close();
          const labelOf = new Map(files.map((f) => [f.file, f.label]));
          const recognizer = new Recognizer(engine, backbone, store);
          const latents = read.latents.map((l) => l.latent);
          const answers = await recognizer.classify(latents, task.name);
          await recognizer.close();
          const pairs = answers.map((a, i) => ({
            truth: labelOf.get(read.latents[i]!.file)!,
            answer: a.label,
          }));
          c.result = {
            ...summarize(task.classes, pairs),
            task: task.name,
            version: store.versions.current(task.name)?.number ?? 'instant',
            engine: engine.name,
            unreadable: read.unreadable,
            seconds: Math.round((performance.now() - start) / 10) / 100,
            peakRssBytes: process.resourceUsage().maxRSS * 1024,
          };
        },
      },
    ],
    context,
    options.quiet,
  );
  return context.result!;
}

/** Accuracy and confusion of pairs of truth and answer. */
export function summarize(
  classes: readonly string[],
  pairs: readonly { truth: string; answer: string }[],
): Pick<Evaluation, 'accuracy' | 'samples' | 'perClass' | 'confusion'> {
  const confusion: Evaluation['confusion'] = {};
  for (const truth of classes) confusion[truth] = Object.fromEntries(classes.map((c) => [c, 0]));
  for (const { truth, answer } of pairs) confusion[truth]![answer]!++;
  const perClass: Evaluation['perClass'] = {};
  for (const c of classes) {
    const samples = Object.values(confusion[c]!).reduce((a, b) => a + b, 0);
    if (samples > 0) perClass[c] = { samples, accuracy: confusion[c]![c]! / samples };
  }
  const right = pairs.filter((p) => p.truth === p.answer).length;
  return {
    accuracy: pairs.length > 0 ? right / pairs.length : 0,
    samples: pairs.length,
    perClass,
    confusion,
  };
}

function describe(r: Evaluation): string {
  const classes = Object.keys(r.confusion);
  const rows = classes.map((truth) => [
    truth,
    percent(r.perClass[truth]?.accuracy),
    ...classes.map((answer) => r.confusion[truth]![answer]!),
  ]);
  const which = r.version === 'instant' ? 'the instant answer' : `version ${r.version}`;
  return [
    `Task '${r.task}' (${which}): ${percent(r.accuracy)} of ${r.samples} samples right`,
    '',
    table(['class', 'right', ...classes], rows),
    '',
    `${r.seconds.toFixed(1)} s, peak memory ${bytes(r.peakRssBytes)}`,
    ...r.unreadable.map((u) => `set aside: ${u.file}: ${u.reason}`),
  ].join('\n');
}
