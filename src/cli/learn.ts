import type { Command } from 'commander';
import { checkCrown } from '../agent/check-crown.js';
import { firstIsolation, GROWTH_DEFAULTS, type Growth } from '../agent/growth.js';
import { keepDiscriminant } from '../agent/keep-discriminant.js';
import type { LearnerTrainingOptions } from '../agent/learner-training.js';
import { openMemory } from '../agent/open-memory.js';
import { trainTask } from '../agent/train-task.js';
import { defaultManifest } from '../backbone/manifest.js';
import { classesOf, listClassFolders } from '../capture/class-folders.js';
import type { EngineChoice } from '../engine/engine.js';
import { LichenError } from '../errors.js';
import { DEVICE_METHODS, type DeviceMethod, deviceMethod, isLearner } from '../learn/device-method.js';
import { LEARNER_DEFAULTS, PATIENCE } from '../learn/learner-options.js';
import { capObstacle } from '../learn/memory-cap.js';
import { LEARNER_TRAINING_DEFAULTS } from '../learn/sequence/kept-learner.js';
import { collectGarbage, residentBytes } from '../process-memory.js';
import { HELD_OUT_FRACTION } from '../replay/held-out.js';
import type { ReplayMemory } from '../replay/memory.js';
import type { ReplayStats } from '../replay/stats.js';
import type { Isolation, Task } from '../store/tasks.js';
import { DEFAULT_STORE, type Device, withDevice } from './device.js';
import { describe, type LearnResult } from './learn-result.js';
import { type FolderSamples, readSamples, remember } from './learn-samples.js';
import { engineOption, integer, numberWithin, size } from './options.js';
import { print } from './output.js';
import { bar, runSteps } from './progress.js';

interface LearnOptions {
  data: string;
  task: string;
  method: string;
  epochs: number;
  hardest: number;
  earlyStopping: boolean;
  batch: number;
  memory?: number;
  margin: number;
  column?: number;
  rate: number;
  lambda?: number;
  forgetting: number;
  replay?: number;
  seed: number;
  heldOut: number;
  store: string;
  backbone?: string;
  engine: EngineChoice;
  json: boolean;
  quiet: boolean;
}

export function addLearn(program: Command): void {
  program
    .command('learn')
    .summary('learn a task from class folders')
    .description('Learns a task from a folder with one folder of pictures a class, with no daemon.')
    .requiredOption('--data <folder>', 'folder of class folders')
    .requiredOption('--task <name>', 'name of the task: a-z, A-Z, 0-9, _ and -')
    .option(
      '--method <name>',
      `how it learns: ${DEVICE_METHODS.join(', ')}; or some together, as ewc+er`,
      'piggyback',
    )
    .option(
      '--margin <share>',
      'with auto: by how much a mask must beat the instant answer',
      numberWithin(0, 1),
      GROWTH_DEFAULTS.margin,
    )
    .option('--column <size>', 'with auto: most that a column may take (default: 2MiB)', size)
    .option(
      '--rate <n>',
      'learning rate of methods whose tasks share a network, and of den and cpg',
      numberWithin(1e-7, 1),
      LEARNER_TRAINING_DEFAULTS.rate,
    )
    .option('--lambda <n>', 'with ewc: strength of its penalty', numberWithin(0, 1e12))
    .option(
      '--forgetting <share>',
      'held-out accuracy that a task of the same network may lose by this training',
      numberWithin(0, 1),
      LEARNER_TRAINING_DEFAULTS.forgetting,
    )
    .option(
      '--replay <size>',
      'most that is kept for learning by those methods: samples and their own state (default: as before, or 16MiB)',
      size,
    )
    .option('--epochs <n>', 'epochs, at most', integer(1, 10_000), LEARNER_DEFAULTS.epochs)
    .option(
      '--hardest <share>',
      'share of the samples, the ones learned least, that an epoch shows after the first',
      numberWithin(0.01, 1),
      LEARNER_DEFAULTS.hardest,
    )
    .option('--early-stopping', 'end when the loss on held-out samples falls no more', false)
    .option('--batch <n>', 'samples a step', integer(1, 1024), 16)
    .option(
      '--memory <size>',
      'most resident memory of the training process, such as 200MiB; not with --engine tfjs',
      size,
    )
    .option('--seed <n>', 'of everything random', integer(0, 2 ** 32 - 1), 0)
    .option(
      '--held-out <share>',
      'share of samples held out, 0 to 0.9',
      numberWithin(0, 0.9),
      HELD_OUT_FRACTION,
    )
    .option('--store <folder>', 'where tasks and versions are kept', DEFAULT_STORE)
    .option('--backbone <manifest>', 'another backbone than the bundled one')
    .addOption(engineOption())
    .option('--json', 'print one line of JSON', false)
    .option('--quiet', 'no progress', false)
    .addHelpText(
      'after',
      `
Examples:
  lichen learn --data photos --task screws
  lichen learn --data photos --task screws --method pnn --epochs 20 --store /var/lib/lichen
  lichen learn --data photos --task screws --held-out 0 --json
  lichen learn --data photos --task screws --method auto --column 1MiB
  lichen learn --data photos --task screws --method ewc --lambda 100
  lichen learn --data photos --task nuts --method ewc+er --replay 16MiB --forgetting 0.05
  lichen learn --data photos --task screws --hardest 0.3
  lichen learn --data photos --task screws --epochs 100 --early-stopping
  lichen learn --data photos --task screws --batch 32 --memory 200MiB
  LICHEN_TFJS_NODE=/opt/tfjs-node lichen learn --data photos --task screws --engine tfjs

With piggyback and pnn each task has weights of its own. Tasks learned by ewc, vcl, er, gem, a-gem or some together share
one network, and so do those learned by ags-cl, by den and by cpg. What such a network needs to learn the next task is
kept in the store, sealed, with samples of its tasks; both count against --replay. docs/continual.md says which to choose.`,
    )
    .action(async (options: LearnOptions) => {
      const method = deviceMethod(options.method);
      checkOptions(method, options);
      const result = await withDevice(options, { readOnly: false }, (device) =>
        learn(device, method, options),
      );
      print(result, options.json, () => describe(result));
    });
}

async function learn(device: Device, method: DeviceMethod, options: LearnOptions): Promise<LearnResult> {
  const start = performance.now();
  const { engine, backbone, store } = device;
  const manifest = options.backbone ?? defaultManifest();
  checkCrown(backbone, manifest, { method, by: `--method ${options.method}` });
  // What was read of the network beside its crown.
  if (options.memory !== undefined) collectGarbage();
  const files = listClassFolders(options.data);
  const first = firstIsolation(method.isolation);
  const task = openTask(device, options.task, first, classesOf(files));
  const context: { samples: FolderSamples; trained?: Awaited<ReturnType<typeof trainTask>>; stepMs: number } =
    {
      samples: { ids: [], labelled: [], unreadable: [], duplicates: 0, conflicts: [], readerPeak: 0 },
      stepMs: 0,
    };
  const memory = isLearner(first)
    ? openMemory(store, backbone, { capBytes: options.replay, seed: options.seed })
    : undefined;
  let stats: ReplayStats | undefined;
  try {
    await runSteps(
      [
        {
          title: `Reading ${files.length} pictures`,
          run: async (c, say) => {
            c.samples = await readSamples(device, manifest, files, task, options, (n) =>
              say(bar(n, files.length)),
            );
            if (memory) remember(memory, task, c.samples);
          },
        },
        {
          title: `Learning '${task.name}' (${options.method}, ${options.epochs} epochs)`,
          run: async (c, say) => {
            let began = 0;
            c.trained = await trainTask(engine, backbone, store, task, c.samples.labelled, {
              isolation: first,
              ...(method.isolation === 'auto' && { growth: growthOf(options) }),
              rehearsal: 'er',
              shared: memory && sharedOf(method, memory, options),
              learner: {
                epochs: options.epochs,
                batch: options.batch,
                seed: options.seed,
                hardest: options.hardest,
                patience: options.earlyStopping ? PATIENCE : 0,
              },
              onInstant: async (instant, training) => {
                await keepDiscriminant(device, task, instant, training);
                began = performance.now();
              },
              memoryCap: options.memory,
              onProgress: (p) => {
                c.stepMs = (performance.now() - began) / p.step;
                say(`${bar(p.step, p.steps)} steps, epoch ${p.epoch}, loss ${p.loss.toFixed(3)}`);
              },
            });
          },
        },
      ],
      context,
      options.quiet,
    );
    stats = memory?.stats();
  } finally {
    memory?.close();
  }
  const { trained, samples } = context;
  const { version, candidate, instant, promoted, reason } = trained!;
  const own = residentBytes('VmHWM');
  return {
    task: task.name,
    method: options.method,
    isolation: version.isolation,
    engine: engine.name,
    classes: [...task.classes],
    trainSamples: candidate.trainSamples,
    heldOutSamples: candidate.heldOutSamples,
    heldOutAccuracy: candidate.heldOutAccuracy,
    instantAccuracy: instant.heldOutAccuracy,
    promoted,
    reason,
    version: version.number,
    head: candidate.head,
    adapterBytes: version.adapterBytes,
    backboneBytes: backbone.bytes,
    unreadable: samples.unreadable,
    duplicates: samples.duplicates,
    conflicts: samples.conflicts,
    seed: options.seed,
    epochs: options.epochs,
    epochsRun: candidate.epochs,
    steps: candidate.steps,
    ended: candidate.ended,
    stepMilliseconds: Math.round(context.stepMs * 10) / 10,
    seconds: Math.round((performance.now() - start) / 10) / 100,
    peakRssBytes: Math.max(samples.readerPeak, own),
    readerPeakRssBytes: samples.readerPeak,
    trainingPeakRssBytes: own,
    memory: trained!.memory ?? null,
    affected: trained!.affected,
    replay: stats
      ? {
          capBytes: stats.capBytes,
          usedBytes: stats.usedBytes,
          reservedBytes: stats.reservedBytes,
          samples: stats.samples,
        }
      : null,
  };
}

/** How a learner of several tasks is to train. */
const sharedOf = (
  method: DeviceMethod,
  memory: ReplayMemory,
  { rate, forgetting, lambda }: LearnOptions,
): LearnerTrainingOptions => ({
  ...{ method, memory, rate, forgetting },
  settings: lambda === undefined ? {} : { ewc: { lambda } },
});

/** @throws LichenError `usage` for options that the method has no use for, and a cap that the engine cannot keep */
function checkOptions({ isolation, regularization }: DeviceMethod, options: LearnOptions): void {
  const { method, lambda, replay, hardest, earlyStopping } = options;
  const refuse = (option: string, what: string) => {
    throw new LichenError('usage', `'${option}' is for ${what}; --method ${method} has no use for it`);
  };
  const uncapped = options.memory !== undefined && capObstacle(options.engine);
  if (uncapped) throw new LichenError('usage', `'--memory' and '--engine ${options.engine}': ${uncapped}`);
  if (lambda !== undefined && regularization !== 'ewc') refuse('--lambda', 'ewc');
  if (!isLearner(isolation)) {
    if (replay !== undefined) refuse('--replay', 'methods that keep something from task to task');
    return;
  }
  if (hardest < 1) refuse('--hardest', 'piggyback, pnn and auto');
  if (options.memory !== undefined) refuse('--memory', 'piggyback, pnn and auto');
  if (earlyStopping) refuse('--early-stopping', 'piggyback, pnn and auto');
}

const growthOf = ({ margin, column = GROWTH_DEFAULTS.columnBytes }: LearnOptions): Growth => ({
  margin,
  columnBytes: column,
});

/** The task of that name, with every class of the data; made where there is none. */
function openTask({ store, backbone }: Device, name: string, isolation: Isolation, classes: string[]): Task {
  const known = store.tasks.get(name);
  if (!known) return store.tasks.create({ name, isolation, backbone: backbone.id, classes });
  const missing = known.classes.filter((c) => !classes.includes(c));
  if (missing.length > 0) {
    throw new LichenError(
      'class-missing',
      `task '${name}' has the class ${missing.map((c) => `'${c}'`).join(', ')}, for which the data has no folder; ` +
        'learning it anew needs pictures of all its classes (or choose another task name)',
    );
  }
  for (const label of classes) store.tasks.addClass(name, label);
  return store.tasks.require(name);
}
