import type { Command } from 'commander';
import { trainTask } from '../agent/train-task.js';
import type { PictureLatent, Unreadable } from '../backbone/latents.js';
import { latentsInProcess } from '../backbone/latents-in-process.js';
import { defaultManifest } from '../backbone/manifest.js';
import { classesOf, type LabelledFile, listClassFolders } from '../capture/class-folders.js';
import type { EngineChoice } from '../engine/engine.js';
import { LichenError } from '../errors.js';
import type { LabelledLatent } from '../learn/candidate.js';
import { deployModel } from '../learn/deploy.js';
import { Frozen } from '../learn/isolation/frozen.js';
import { TRAINABLE_ISOLATIONS } from '../learn/methods.js';
import { TaskNetwork } from '../learn/network.js';
import { StreamingDiscriminant } from '../learn/streaming/slda.js';
import { HELD_OUT_FRACTION, isHeldOut } from '../replay/held-out.js';
import type { Isolation, Task } from '../store/tasks.js';
import { DEFAULT_STORE, type Device, withDevice } from './device.js';
import { engineOption, integer, numberWithin } from './options.js';
import { bytes, percent, print } from './output.js';
import { bar, runSteps } from './progress.js';

/** Pictures that the trunk takes at once. */
const TRUNK_BATCH = 8;

interface LearnOptions {
  data: string;
  task: string;
  method: string;
  epochs: number;
  batch: number;
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
  method: string;
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
  epochs: number;
  stepMilliseconds: number;
  seconds: number;
  peakRssBytes: number;
}

export function addLearn(program: Command): void {
  program
    .command('learn')
    .summary('learn a task from class folders')
    .description('Learns a task from a folder with one folder of pictures a class, with no daemon.')
    .requiredOption('--data <folder>', 'folder of class folders')
    .requiredOption('--task <name>', 'name of the task: a-z, A-Z, 0-9, _ and -')
    .option('--method <name>', `what is trained: ${TRAINABLE_ISOLATIONS.join(' or ')}`, 'piggyback')
    .option('--epochs <n>', 'times that every sample is shown', integer(1, 10_000), 10)
    .option('--batch <n>', 'samples a step', integer(1, 1024), 16)
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
  LICHEN_TFJS_NODE=/opt/tfjs-node lichen learn --data photos --task screws --engine tfjs`,
    )
    .action(async (options: LearnOptions) => {
      const result = await withDevice(options, { readOnly: false }, (device) => learn(device, options));
      print(result, options.json, () => describe(result));
    });
}

async function learn(device: Device, options: LearnOptions): Promise<LearnResult> {
  const start = performance.now();
  const method = options.method as Isolation;
  if (!(TRAINABLE_ISOLATIONS as readonly string[]).includes(method)) {
    const known = TRAINABLE_ISOLATIONS.join(', ');
    throw new LichenError(
      'method-unknown',
      `there is no method '${options.method}' to learn with; known: ${known}`,
    );
  }
  const { engine, backbone, store } = device;
  const manifest = options.backbone ?? defaultManifest();
  const files = listClassFolders(options.data);
  const task = openTask(device, options.task, method, classesOf(files));
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
          const began = performance.now();
          c.trained = await trainTask(engine, backbone, store, task, c.samples.labelled, {
            isolation: method,
            rehearsal: 'er',
            learner: { epochs: options.epochs, batch: options.batch, seed: options.seed },
            onProgress: (p) => {
              c.stepMs = (performance.now() - began) / p.step;
              say(`${bar(p.step, p.steps)} steps, epoch ${p.epoch}, loss ${p.loss.toFixed(3)}`);
            },
          });
        },
      },
      {
        title: 'Keeping the instant answer',
        run: async (c) => keepDiscriminant(device, task, c.samples.labelled, c.trained!.instant),
      },
    ],
    context,
    options.quiet,
  );
  const { trained, samples } = context;
  const { version, candidate, instant, promoted, reason } = trained!;
  return {
    task: task.name,
    method,
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
    stepMilliseconds: Math.round(context.stepMs * 10) / 10,
    seconds: Math.round((performance.now() - start) / 10) / 100,
    peakRssBytes: Math.max(samples.readerPeak, process.resourceUsage().maxRSS * 1024),
  };
}

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
  { engine, backbone, store }: Device,
  task: Task,
  samples: readonly LabelledLatent[],
  chosen: { shrinkage: number | null; temperature: number },
): Promise<void> {
  const frozen = deployModel(new Frozen(), { crown: backbone.crown, earlier: [] }, { tensors: new Map() });
  const network = await TaskNetwork.open(engine, frozen, backbone.latentCodec);
  try {
    const discriminant = new StreamingDiscriminant(network.blocks);
    discriminant.shrinkage = chosen.shrinkage ?? discriminant.shrinkage;
    discriminant.temperature = chosen.temperature;
    const training = samples.filter((s) => !s.heldOut);
    const { summary } = await network.describe(training.map((s) => s.latent));
    training.forEach((s, i) => {
      const row = summary.data.subarray(i * summary.width, (i + 1) * summary.width);
      discriminant.add(row, task.classes[s.label]!);
    });
    store.discriminants.save(task.name, discriminant.encode());
  } finally {
    await network.close();
  }
}

function describe(r: LearnResult): string {
  const ratio = (r.backboneBytes / r.adapterBytes).toFixed(0);
  const lines = [
    `Task '${r.task}', version ${r.version}: ${r.promoted ? 'promoted' : 'kept as a candidate'} (${r.reason})`,
    `  ${r.trainSamples} samples trained, ${r.heldOutSamples} held out, ${r.classes.length} classes`,
    `  accuracy on held-out samples: ${percent(r.heldOutAccuracy)}, instant answer ${percent(r.instantAccuracy)}`,
    `  adapter ${bytes(r.adapterBytes)}, 1/${ratio} of the backbone's ${bytes(r.backboneBytes)}`,
    `  ${r.seconds.toFixed(1)} s, peak memory ${bytes(r.peakRssBytes)}`,
  ];
  if (r.duplicates > 0) lines.push(`  ${r.duplicates} pictures were there twice and counted once`);
  for (const c of r.conflicts) lines.push(`  left out, since it lies in two class folders: ${c}`);
  for (const u of r.unreadable) lines.push(`  set aside: ${u.file}: ${u.reason}`);
  return lines.join('\n');
}
