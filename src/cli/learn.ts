import type { Command } from 'commander';
import { firstIsolation, GROWTH_DEFAULTS, type Growth } from '../agent/growth.js';
import { trainTask } from '../agent/train-task.js';
import type { PictureLatent, Unreadable } from '../backbone/latents.js';
import { latentsInProcess } from '../backbone/latents-in-process.js';
import { defaultManifest } from '../backbone/manifest.js';
import { classesOf, type LabelledFile, listClassFolders } from '../capture/class-folders.js';
import type { EngineChoice } from '../engine/engine.js';
import { LichenError } from '../errors.js';
import type { CandidateMetrics, DescribedTraining, LabelledLatent } from '../learn/candidate.js';
import { LEARNER_DEFAULTS, PATIENCE } from '../learn/learner-options.js';
import type { MemoryPlan } from '../learn/memory-plan.js';
import { TRAINABLE_ISOLATIONS } from '../learn/methods.js';
import { StreamingDiscriminant } from '../learn/streaming/slda.js';
import { collectGarbage, residentBytes } from '../process-memory.js';
import { HELD_OUT_FRACTION, isHeldOut } from '../replay/held-out.js';
import type { Isolation, Task } from '../store/tasks.js';
import { DEFAULT_STORE, type Device, withDevice } from './device.js';
import { engineOption, integer, numberWithin, size } from './options.js';
import { bytes, percent, print } from './output.js';
import { bar, runSteps } from './progress.js';

/** Pictures that the trunk takes at once. */
const TRUNK_BATCH = 4;

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
  seed: number;
  heldOut: number;
  store: string;
  backbone?: string;
  engine: EngineChoice;
  json: boolean;
  quiet: boolean;
}

/** What `lichen learn --json` prints. */
export interface LearnResult {
  task: string;
  /** What was asked for. */
  method: string;
  /** What the version is. */
  isolation: string;
  engine: string;
  classes: string[];
  trainSamples: number;
  heldOutSamples: number;
  heldOutAccuracy: number | null;
  instantAccuracy: number | null;
  promoted: boolean;
  reason: string;
  version: number;
  head: string;
  adapterBytes: number;
  backboneBytes: number;
  unreadable: Unreadable[];
  duplicates: number;
  conflicts: string[];
  seed: number;
  /** Epochs that were asked for, and that were run. */
  epochs: number;
  epochsRun: number;
  steps: number;
  /** Why training ended: all epochs were run, or the held-out samples' loss fell no more. */
  ended: CandidateMetrics['ended'];
  stepMilliseconds: number;
  seconds: number;
  /** The larger one of the two processes' peaks; they are not there at the same time. */
  peakRssBytes: number;
  /** Of the process that read the pictures and ended before training began, and of this one. */
  readerPeakRssBytes: number;
  trainingPeakRssBytes: number;
  /** How training was fitted under a cap; null without one. */
  memory: MemoryPlan | null;
}

/** What can be trained, by name. */
const LEARN_METHODS = [...TRAINABLE_ISOLATIONS, 'auto'] as const;
type LearnMethod = (typeof LEARN_METHODS)[number];

export function addLearn(program: Command): void {
  program
    .command('learn')
    .summary('learn a task from class folders')
    .description('Learns a task from a folder with one folder of pictures a class, with no daemon.')
    .requiredOption('--data <folder>', 'folder of class folders')
    .requiredOption('--task <name>', 'name of the task: a-z, A-Z, 0-9, _ and -')
    .option(
      '--method <name>',
      `what is trained: ${LEARN_METHODS.join(', ')} (a mask, and a column where it does not do)`,
      'piggyback',
    )
    .option(
      '--margin <share>',
      'with auto: by how much a mask must beat the instant answer',
      numberWithin(0, 1),
      GROWTH_DEFAULTS.margin,
    )
    .option('--column <size>', 'with auto: most that a column may take (default: 2MiB)', size)
    .option('--epochs <n>', 'epochs, at most', integer(1, 10_000), LEARNER_DEFAULTS.epochs)
    .option(
      '--hardest <share>',
      'share of the samples, the ones learned least, that an epoch shows after the first',
      numberWithin(0.01, 1),
      LEARNER_DEFAULTS.hardest,
    )
    .option('--early-stopping', 'end when the loss on held-out samples falls no more', false)
    .option('--batch <n>', 'samples a step', integer(1, 1024), 16)
    .option('--memory <size>', 'most resident memory of the training process, such as 200MiB', size)
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
  lichen learn --data photos --task screws --hardest 0.3
  lichen learn --data photos --task screws --epochs 100 --early-stopping
  lichen learn --data photos --task screws --batch 32 --memory 200MiB
  LICHEN_TFJS_NODE=/opt/tfjs-node lichen learn --data photos --task screws --engine tfjs`,
    )
    .action(async (options: LearnOptions) => {
      const result = await withDevice(options, { readOnly: false }, (device) => learn(device, options));
      print(result, options.json, () => describe(result));
    });
}

async function learn(device: Device, options: LearnOptions): Promise<LearnResult> {
  const start = performance.now();
  const method = options.method as LearnMethod;
  if (!(LEARN_METHODS as readonly string[]).includes(method)) {
    const known = LEARN_METHODS.join(', ');
    throw new LichenError(
      'method-unknown',
      `there is no method '${options.method}' to learn with; known: ${known}`,
    );
  }
  const { engine, backbone, store } = device;
  // What was read of the network beside its crown.
  if (options.memory !== undefined) collectGarbage();
  const manifest = options.backbone ?? defaultManifest();
  const files = listClassFolders(options.data);
  const first = firstIsolation(method);
  const task = openTask(device, options.task, first, classesOf(files));
  const context: { samples: Samples; trained?: Awaited<ReturnType<typeof trainTask>>; stepMs: number } = {
    samples: { labelled: [], unreadable: [], duplicates: 0, conflicts: [], readerPeak: 0 },
    stepMs: 0,
  };
  await runSteps(
    [
      {
        title: `Reading ${files.length} pictures`,
        run: async (c, say) => {
          c.samples = await readSamples(device, manifest, files, task, options, (n) =>
            say(bar(n, files.length)),
          );
        },
      },
      {
        title: `Learning '${task.name}' (${method}, ${options.epochs} epochs)`,
        run: async (c, say) => {
          let began = 0;
          c.trained = await trainTask(engine, backbone, store, task, c.samples.labelled, {
            isolation: first,
            ...(method === 'auto' && { growth: growthOf(options) }),
            rehearsal: 'er',
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
  const { trained, samples } = context;
  const { version, candidate, instant, promoted, reason } = trained!;
  const own = residentBytes('VmHWM');
  return {
    task: task.name,
    method,
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
  };
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

interface Samples {
  labelled: LabelledLatent[];
  unreadable: Unreadable[];
  /** Pictures that were there already under another name. */
  duplicates: number;
  /** Pictures that lie in the folders of two classes; left out. */
  conflicts: string[];
  /** Peak memory of the process that read the pictures. */
  readerPeak: number;
}

async function readSamples(
  { backbone }: Device,
  manifest: string,
  files: readonly LabelledFile[],
  task: Task,
  { heldOut, engine }: Pick<LearnOptions, 'heldOut' | 'engine'>,
  onProgress: (done: number) => void,
): Promise<Samples> {
  const read = await latentsInProcess(
    { manifest, split: backbone.id.split, files: files.map((f) => f.file), batch: TRUNK_BATCH, engine },
    onProgress,
  );
  const labelOf = new Map(files.map((f) => [f.file, f.label]));
  const byId = new Map<string, { latent: PictureLatent; labels: Set<string> }>();
  let duplicates = 0;
  for (const latent of read.latents) {
    const label = labelOf.get(latent.file)!;
    const known = byId.get(latent.id);
    if (known) {
      duplicates++;
      known.labels.add(label);
    } else byId.set(latent.id, { latent, labels: new Set([label]) });
  }
  const labelled: LabelledLatent[] = [];
  const conflicts: string[] = [];
  for (const { latent, labels } of byId.values()) {
    if (labels.size > 1) {
      conflicts.push(`${latent.file} (${[...labels].join(', ')})`);
      continue;
    }
    labelled.push({
      latent: latent.latent,
      label: task.classes.indexOf([...labels][0]!),
      heldOut: heldOut > 0 && isHeldOut(latent.id, heldOut),
      fresh: true,
    });
  }
  return { labelled, unreadable: read.unreadable, duplicates, conflicts, readerPeak: read.peakRssBytes };
}

/** Keeps the discriminant of the training samples, which answers at once, and by which the task is recognized. */
async function keepDiscriminant(
  { engine, store }: Device,
  task: Task,
  chosen: { shrinkage: number | null; temperature: number },
  { summary, labels, blocks }: DescribedTraining,
): Promise<void> {
  const discriminant = new StreamingDiscriminant(blocks);
  discriminant.shrinkage = chosen.shrinkage ?? discriminant.shrinkage;
  discriminant.temperature = chosen.temperature;
  const names = labels.map((label) => task.classes[label]!);
  await discriminant.addAll(engine, summary, names);
  store.discriminants.save(task.name, discriminant.encode());
}

const early = (ended: LearnResult['ended']): string =>
  ended === 'plateau' ? ' (the held-out loss fell no more)' : '';

function describe(r: LearnResult): string {
  const ratio = (r.backboneBytes / r.adapterBytes).toFixed(0);
  const { memory } = r;
  const lines = [
    `Task '${r.task}', version ${r.version}: ${r.promoted ? 'promoted' : 'kept as a candidate'} (${r.reason})`,
    `  ${r.trainSamples} samples trained, ${r.heldOutSamples} held out, ${r.classes.length} classes`,
    `  accuracy on held-out samples: ${percent(r.heldOutAccuracy)}, instant answer ${percent(r.instantAccuracy)}`,
    `  adapter ${bytes(r.adapterBytes)}, 1/${ratio} of the backbone's ${bytes(r.backboneBytes)}`,
    `  ${r.steps} steps in ${r.epochsRun} of ${r.epochs} epochs${early(r.ended)}, ${r.seconds.toFixed(1)} s, peak memory ${bytes(r.peakRssBytes)}`,
  ];
  if (memory) {
    lines.push(
      `  training under ${bytes(memory.capBytes)}: ${memory.pieces} pieces of ${memory.micro} a batch, peak ${bytes(r.trainingPeakRssBytes)}`,
    );
  }
  if (r.duplicates > 0) lines.push(`  ${r.duplicates} pictures were there twice and counted once`);
  for (const c of r.conflicts) lines.push(`  left out, since it lies in two class folders: ${c}`);
  for (const u of r.unreadable) lines.push(`  set aside: ${u.file}: ${u.reason}`);
  return lines.join('\n');
}
