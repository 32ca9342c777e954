import { readFile } from 'node:fs/promises';
import { Backbone } from '../../src/backbone/backbone.js';
import { defaultManifest } from '../../src/backbone/manifest.js';
import type { Trunk } from '../../src/backbone/trunk.js';
import type { Engine } from '../../src/engine/engine.js';
import { auroc } from '../../src/learn/auroc.js';
import { Random } from '../../src/random.js';
import type { Explanation } from '../../src/recognize/chooser.js';
import { ConfirmedDrift } from '../../src/recognize/confirmed-drift.js';
import { DriftMonitor } from '../../src/recognize/drift.js';
import { FrozenFeatures } from '../../src/recognize/frozen-features.js';
import { type Summary, summaryOf } from '../statistics.js';
import { type AppearingRows, type AppearingRun, appearingRows, appearingStreams } from './appearing.js';
import { type Known, learnSets } from './known.js';
import { CHANGES, latentsOf, type PictureSet, readClothes, readSet } from './pictures.js';
import { type SurenessRow, type SurenessRun, surenessOf, surenessRows } from './sureness.js';
import { halvesOf, type TaskChoiceRow, type TaskChoices, taskChoiceRow, taskChoices } from './task-choice.js';

/** Frames of a stream before its change, and after the change has begun. */
const BEFORE = 300;
const AFTER = 400;
/** Frames of a stream that does not change. */
const STEADY = 10_000;
/** Novel photographs that a test takes, at most. */
const NOVEL = 400;

export interface RecognitionOptions {
  folder: string;
  seeds: number;
  firstSeed: number;
  falseAlarms: number;
}

/** How novel things are told from known ones. */
export interface NoveltyRow {
  known: string;
  novel: string;
  auroc: Summary;
  /** Share of known test photographs that were called novel, and of novel ones. */
  falseAlarms: Summary;
  found: Summary;
}

/** How a change of a stream is noticed. */
export interface StreamRow {
  change: string;
  /** Frames from the change's beginning to the first alarm; of the seeds in which there was one. */
  delay: Summary | null;
  missed: number;
  /** Share of right answers before the change began, and in the last hundred frames. */
  accuracyBefore: Summary;
  accuracyAfter: Summary;
  /** Seeds in which a task would have been opened for it, where the settings allow that. */
  opened: number;
}

export interface RecognitionResult {
  falseAlarmRate: number;
  novelty: NoveltyRow[];
  /** Share of pictures whose task was chosen rightly: signs against tiles, both against clothes, half of the signs against the others. */
  taskChoice: TaskChoiceRow[];
  streams: StreamRow[];
  /** Drift alarms in ten thousand frames without a change. */
  steadyAlarms: Summary;
  /** A stream in which kinds of things and classes appear and return. */
  appearing: AppearingRows;
  /** Whether instant answers are as sure as they are right. */
  sureness: SurenessRow[];
}

interface Frame extends Explanation {
  confidence: number;
  answer: string;
}

/** Recognition without boundaries: task, novelty and drift on photographs that were never learned. */
export async function measureRecognition(
  engine: Engine,
  { folder, seeds, firstSeed, falseAlarms }: RecognitionOptions,
  say: (text: string) => void,
): Promise<RecognitionResult> {
  const backbone = await Backbone.open(defaultManifest(), engine);
  const trunk = await backbone.openTrunk(engine);
  try {
    const signs = await readSet(folder, 'hand-signs', backbone, trunk, say);
    const tiles = await readSet(folder, 'magnetic-tiles', backbone, trunk, say);
    const clothes = await readClothes(backbone, trunk, say);
    const features = await FrozenFeatures.open(engine, backbone);
    const runs: Run[] = [];
    for (let seed = firstSeed; seed < firstSeed + seeds; seed++) {
      const teach = (sets: PictureSet[], without: string[] = []) =>
        learnSets(engine, backbone, sets, falseAlarms, seed, without);
      const unseen = new Random(seed).shuffle([...signs.classes]).slice(0, 2);
      say(`seed ${seed}: sureness`);
      const sureness: SurenessRun[] = [];
      for (const set of [signs, tiles, clothes]) {
        sureness.push(...(await surenessOf(engine, features, set, seed)));
      }
      say(`seed ${seed}: novelty`);
      const novelty = [
        await noveltyOf(await teach([signs]), [signs], tiles, tiles.latents, seed),
        await noveltyOf(await teach([tiles]), [tiles], signs, signs.latents, seed),
        await noveltyOf(
          await teach([signs], unseen),
          [signs],
          { name: 'two signs that were not shown' },
          signs.latents.filter((_, i) => unseen.includes(signs.labels[i]!)),
          seed,
        ),
        await noveltyOf(await teach([clothes]), [clothes], signs, signs.latents, seed),
        await noveltyOf(await teach([signs, tiles]), [signs, tiles], clothes, clothes.latents, seed),
      ];
      say(`seed ${seed}: tasks`);
      const choices: TaskChoices[] = [];
      for (const sets of [[signs, tiles], [signs, tiles, clothes], halvesOf(signs)]) {
        const device = await teach(sets);
        choices.push(await taskChoices(device, sets));
        await device.close();
      }
      const known = await teach([signs]);
      const streams = await streamsOf(known, signs, tiles, backbone, trunk, seed, (text) =>
        say(`seed ${seed}: ${text}`),
      );
      const steadyAlarms = await steady(known, signs, seed);
      await known.close();
      say(`seed ${seed}: things appear and return`);
      const appearing = await appearingStreams({ signs, tiles, clothes }, teach, unseen, seed);
      runs.push({ novelty, choices, streams, steadyAlarms, appearing, sureness });
    }
    await features.close();
    return {
      falseAlarmRate: falseAlarms,
      novelty: runs[0]!.novelty.map(({ known, novel }, k) => {
        const of = (pick: (r: NoveltyRun) => number) => summaryOf(runs.map((run) => pick(run.novelty[k]!)));
        return {
          ...{ known, novel, auroc: of((r) => r.auroc) },
          falseAlarms: of((r) => r.falseAlarms),
          found: of((r) => r.found),
        };
      }),
      taskChoice: ['hand signs, tiles', 'hand signs, tiles, clothes', 'five signs, the five others'].map(
        (tasks, k) =>
          taskChoiceRow(
            tasks,
            runs.map((r) => r.choices[k]!),
          ),
      ),
      streams: runs[0]!.streams.map(({ change }, k) => {
        const own = runs.map((run) => run.streams[k]!);
        const delays = own.flatMap((r) => (r.delay === null ? [] : [r.delay]));
        return {
          change,
          delay: delays.length > 0 ? summaryOf(delays) : null,
          missed: own.length - delays.length,
          accuracyBefore: summaryOf(own.map((r) => r.accuracyBefore)),
          accuracyAfter: summaryOf(own.map((r) => r.accuracyAfter)),
          opened: own.filter((r) => r.opened).length,
        };
      }),
      steadyAlarms: summaryOf(runs.map((r) => r.steadyAlarms)),
      appearing: appearingRows(runs.map((r) => r.appearing)),
      sureness: surenessRows(runs.map((r) => r.sureness)),
    };
  } finally {
    await trunk.close();
  }
}

interface Run {
  novelty: NoveltyRun[];
  choices: TaskChoices[];
  streams: StreamRun[];
  steadyAlarms: number;
  appearing: AppearingRun;
  sureness: SurenessRun[];
}

interface NoveltyRun {
  known: string;
  novel: string;
  auroc: number;
  falseAlarms: number;
  found: number;
}

async function noveltyOf(
  device: Known,
  known: readonly PictureSet[],
  novel: { name: string },
  novelLatents: readonly Uint8Array[],
  seed: number,
): Promise<NoveltyRun> {
  const tests = known.flatMap(({ name, latents }) => device.tests.get(name)!.map((i) => latents[i]!));
  const expected = await device.chooser.explain(tests);
  const some = new Random(seed + 1).shuffle([...novelLatents]).slice(0, NOVEL);
  const unexpected = await device.chooser.explain(some);
  await device.close();
  const all = [...expected, ...unexpected];
  const scores = { data: Float32Array.from(all, (e) => e.score!), count: all.length, width: 1 };
  const isNovel = all.map((_, i) => (i < expected.length ? 1 : 0));
  const share = (of: readonly Explanation[]) => of.filter((e) => e.novel).length / of.length;
  return {
    known: known.map((s) => s.name).join(' and '),
    ...{ novel: novel.name, auroc: auroc(scores, isNovel, [0]) },
    falseAlarms: share(expected),
    found: share(unexpected),
  };
}

async function frames(
  { chooser, answers, classes }: Known,
  latents: readonly Uint8Array[],
): Promise<Frame[]> {
  const explained = await chooser.explain(latents);
  const rows = await answers.probabilities(latents);
  return explained.map((e, i) => {
    const row = Array.from(rows.data.subarray(i * rows.width, (i + 1) * rows.width));
    const confidence = Math.max(...row);
    return { ...e, confidence, answer: classes[row.indexOf(confidence)]! };
  });
}

interface StreamRun {
  change: string;
  delay: number | null;
  accuracyBefore: number;
  accuracyAfter: number;
  opened: boolean;
}

/** Streams of signs that change in one way, slowly or at once, and one that turns to tiles. */
async function streamsOf(
  device: Known,
  signs: PictureSet,
  tiles: PictureSet,
  backbone: Backbone,
  trunk: Trunk,
  seed: number,
  say: (text: string) => void,
): Promise<StreamRun[]> {
  const random = new Random(seed + 2);
  const own = device.tests.get(signs.name)!;
  const draw = () => own[random.int(own.length)]!;
  const before = Array.from({ length: BEFORE }, draw);
  const unchanged = await frames(
    device,
    before.map((i) => signs.latents[i]!),
  );
  const runs: StreamRun[] = [];
  const add = (change: string, after: readonly Frame[], truth: readonly (string | null)[]) => {
    const accuracy = (part: readonly Frame[], labels: readonly (string | null)[]) =>
      part.filter((f, i) => f.answer === `${signs.name}/${labels[i]}`).length / part.length;
    runs.push({
      change,
      ...noticed([...unchanged, ...after]),
      accuracyBefore: accuracy(
        unchanged,
        before.map((i) => signs.labels[i]!),
      ),
      accuracyAfter: accuracy(after.slice(-100), truth.slice(-100)),
    });
  };
  const other = Array.from({ length: AFTER }, () => tiles.latents[random.int(tiles.latents.length)]!);
  add(
    'tiles in place of signs',
    await frames(device, other),
    other.map(() => null),
  );
  const changes = Object.entries(CHANGES).flatMap(([name, change]) => [
    { name, change, muchAt: (k: number) => (k + 1) / AFTER },
    { name: `${name}, at once`, change, muchAt: () => 1 },
  ]);
  for (const { name, change, muchAt } of changes) {
    const drawn = Array.from({ length: AFTER }, draw);
    const latents = await latentsOf(
      drawn.map((i, k) => async () => change(await readFile(signs.files[i]!), muchAt(k))),
      backbone,
      trunk,
      (done) => say(`${name}: ${done}/${AFTER} pictures changed`),
    );
    add(
      name,
      await frames(device, latents),
      drawn.map((i) => signs.labels[i]!),
    );
  }
  return runs;
}

/**
 * Frames from the change's beginning to the first alarm, null where there is none or one before; and whether a task would
 * be opened.
 */
function noticed(stream: readonly Frame[]): Pick<StreamRun, 'delay' | 'opened'> {
  const monitor = new DriftMonitor();
  const confirmed = new ConfirmedDrift();
  let delay: number | null = null;
  let opened = false;
  for (const [k, frame] of stream.entries()) {
    const drift = monitor.add(frame);
    if (drift && k >= BEFORE) delay ??= k - BEFORE + 1;
    if (confirmed.add(frame.novel, drift)) opened = true;
  }
  return { delay, opened };
}

async function steady(device: Known, signs: PictureSet, seed: number): Promise<number> {
  const random = new Random(seed + 3);
  const own = await frames(
    device,
    device.tests.get(signs.name)!.map((i) => signs.latents[i]!),
  );
  const monitor = new DriftMonitor();
  let alarms = 0;
  for (let k = 0; k < STEADY; k++) if (monitor.add(own[random.int(own.length)]!)) alarms++;
  return alarms;
}
