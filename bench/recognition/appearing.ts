import { Random } from '../../src/random.js';
import { ConfirmedDrift } from '../../src/recognize/confirmed-drift.js';
import { DriftMonitor } from '../../src/recognize/drift.js';
import { type Summary, summaryOf } from '../statistics.js';
import type { Known } from './known.js';
import type { PictureSet } from './pictures.js';

/** Frames of each part of the stream. */
const PART = 300;
/** Frames of the stream in which nothing is unknown, and of its stretches. */
const KNOWN_ONLY = 10_000;
const STRETCH = { least: 50, most: 300 };

/** What a frame shows. */
interface Shown {
  set: PictureSet;
  index: number;
  known: boolean;
}

/** What a device says of a frame. */
interface Said {
  task: string;
  label: string;
  novel: boolean;
  pValue: number | undefined;
  confidence: number;
}

/** One part of a stream, of one seed. */
export interface PartRun {
  part: string;
  /** Of frames of known classes: share whose task was chosen rightly, whose label was right, that were called novel; 0
   * where there were none. */
  task: number;
  accuracy: number;
  novelOfKnown: number;
  /** Share of frames of unknown classes that were called novel; null where there were none. */
  novelOfUnknown: number | null;
  alarms: number;
  /** Frames from its beginning to the first report of drift. */
  delay: number | null;
  /** Whether a task would have been opened. */
  opened: boolean;
}

/** What one seed's streams gave. */
export interface AppearingRun {
  parts: PartRun[];
  /** Of all frames of known classes of the stream. */
  task: number;
  accuracy: number;
  /** In ten thousand frames of known classes, that come and go. */
  falseAlarms: number;
  falselyOpened: number;
}

/** A part of a stream over all seeds. */
export interface PartRow {
  part: string;
  task: Summary;
  accuracy: Summary;
  novelOfKnown: Summary;
  novelOfUnknown: Summary | null;
  alarms: Summary;
  /** Of the seeds in which there was a report. */
  delay: Summary | null;
  missed: number;
  opened: number;
}

export interface AppearingRows {
  parts: PartRow[];
  task: Summary;
  accuracy: Summary;
  falseAlarms: Summary;
  falselyOpened: Summary;
}

interface Sets {
  signs: PictureSet;
  tiles: PictureSet;
  clothes: PictureSet;
}

/**
 * A stream in which kinds of things and classes appear and return, without a word of it to the device. What has appeared
 * is labelled when its part is over, and is known from then on.
 * @param teach what a device knows that has learned some sets without some classes
 * @param unseen two signs that appear late
 */
export async function appearingStreams(
  { signs, tiles, clothes }: Sets,
  teach: (sets: PictureSet[], without: string[]) => Promise<Known>,
  unseen: readonly string[],
  seed: number,
): Promise<AppearingRun> {
  const random = new Random(seed + 4);
  const source = new Watched();
  const parts: PartRun[] = [];
  const all = { known: 0, task: 0, right: 0 };
  const show = async (device: Known, part: string, draw: () => Shown) => {
    const shown = Array.from({ length: PART }, draw);
    const said = await answers(device, shown);
    const run = source.watch(part, shown, said);
    const known = shown.filter((s) => s.known).length;
    all.known += known;
    all.task += run.task * known;
    all.right += run.accuracy * known;
    parts.push(run);
  };
  const drawn = (device: Known, set: PictureSet) => () => drawKnown(device, set, random);
  const unknown = (set: PictureSet, classes = set.classes): Shown => {
    const label = classes[random.int(classes.length)]!;
    const own = set.labels.flatMap((l, i) => (l === label ? [i] : []));
    return { set, index: own[random.int(own.length)]!, known: false };
  };

  const first = await teach([signs, tiles], [...unseen]);
  await show(first, 'eight signs', drawn(first, signs));
  await show(first, 'tiles', drawn(first, tiles));
  await show(first, 'clothes appear', () => unknown(clothes));
  await first.close();

  const second = await teach([signs, tiles, clothes], [...unseen]);
  await show(second, 'eight signs return', drawn(second, signs));
  await show(second, 'clothes return', drawn(second, clothes));
  const share = unseen.length / signs.classes.length;
  await show(second, 'two more signs appear', () =>
    random.next() < share ? unknown(signs, [...unseen]) : drawKnown(second, signs, random),
  );
  await second.close();

  const third = await teach([signs, tiles, clothes], []);
  const sets = [signs, tiles, clothes];
  await show(third, 'everything, mixed', () => drawKnown(third, sets[random.int(sets.length)]!, random));
  const quiet = await knownOnly(third, sets, random);
  await third.close();
  return { parts, task: all.task / all.known, accuracy: all.right / all.known, ...quiet };
}

/** Summaries over seeds. */
export function appearingRows(runs: readonly AppearingRun[]): AppearingRows {
  const parts = runs[0]!.parts.map(({ part }, k) => {
    const own = runs.map((r) => r.parts[k]!);
    const of = (pick: (r: PartRun) => number) => summaryOf(own.map(pick));
    const some = (values: (number | null)[]) => {
      const there = values.filter((v) => v !== null);
      return there.length > 0 ? summaryOf(there) : null;
    };
    return {
      part,
      task: of((r) => r.task),
      accuracy: of((r) => r.accuracy),
      novelOfKnown: of((r) => r.novelOfKnown),
      novelOfUnknown: some(own.map((r) => r.novelOfUnknown)),
      alarms: of((r) => r.alarms),
      delay: some(own.map((r) => r.delay)),
      missed: own.filter((r) => r.delay === null).length,
      opened: own.filter((r) => r.opened).length,
    };
  });
  const of = (pick: (r: AppearingRun) => number) => summaryOf(runs.map(pick));
  return {
    parts,
    task: of((r) => r.task),
    accuracy: of((r) => r.accuracy),
    falseAlarms: of((r) => r.falseAlarms),
    falselyOpened: of((r) => r.falselyOpened),
  };
}

/** What a device makes of one source's frames, from its first to its last. */
class Watched {
  private readonly monitor = new DriftMonitor();
  private readonly confirmed = new ConfirmedDrift();

  watch(part: string, shown: readonly Shown[], said: readonly Said[]): PartRun {
    let alarms = 0;
    let delay: number | null = null;
    let opened = false;
    said.forEach(({ task, confidence, pValue, novel }, k) => {
      const drift = this.monitor.add({ task, confidence, ...(pValue !== undefined && { pValue }) });
      if (this.confirmed.add(novel, drift)) opened = true;
      if (drift === undefined) return;
      alarms += 1;
      delay ??= k + 1;
    });
    const pairs = shown.map((s, i) => ({ ...s, ...said[i]! }));
    const known = pairs.filter((p) => p.known);
    const unknown = pairs.filter((p) => !p.known);
    const share = (of: typeof pairs, holds: (p: (typeof pairs)[number]) => boolean) =>
      of.length === 0 ? 0 : of.filter(holds).length / of.length;
    return {
      ...{ part, alarms, delay, opened },
      task: share(known, (p) => p.task === p.set.name),
      accuracy: share(known, (p) => p.task === p.set.name && p.label === p.set.labels[p.index]),
      novelOfKnown: share(known, (p) => p.novel),
      novelOfUnknown: unknown.length === 0 ? null : share(unknown, (p) => p.novel),
    };
  }
}

/** A photograph that the device never saw, of a class that it knows, all classes alike. */
function drawKnown(device: Known, set: PictureSet, random: Random, classes?: readonly string[]): Shown {
  const tests = device.tests.get(set.name)!;
  const among = classes ?? [...new Set(tests.map((i) => set.labels[i]!))].sort();
  const label = among[random.int(among.length)]!;
  const own = tests.filter((i) => set.labels[i] === label);
  return { set, index: own[random.int(own.length)]!, known: true };
}

/** Answers as the device gives them: the chosen task's own. */
async function answers(device: Known, shown: readonly Shown[]): Promise<Said[]> {
  const latents = shown.map(({ set, index }) => set.latents[index]!);
  const explained = await device.chooser.explain(latents);
  const said: Said[] = new Array(shown.length);
  for (const [name, { network, classes }] of device.tasks) {
    const own = explained.flatMap((e, i) => (e.task === name ? [i] : []));
    if (own.length === 0) continue;
    const rows = await network.probabilities(own.map((i) => latents[i]!));
    own.forEach((i, k) => {
      const row = Array.from(rows.data.subarray(k * rows.width, (k + 1) * rows.width));
      const confidence = Math.max(...row);
      const { task, novel, pValue } = explained[i]!;
      said[i] = { task, novel, pValue, confidence, label: classes[row.indexOf(confidence)]! };
    });
  }
  return said;
}

/** Stretches of one task and half of its classes, one after the other; nothing in them is unknown. */
async function knownOnly(
  device: Known,
  sets: readonly PictureSet[],
  random: Random,
): Promise<Pick<AppearingRun, 'falseAlarms' | 'falselyOpened'>> {
  const shown: Shown[] = [];
  while (shown.length < KNOWN_ONLY) {
    const set = sets[random.int(sets.length)]!;
    const classes = random.shuffle([...set.classes]).slice(0, Math.ceil(set.classes.length / 2));
    const length = STRETCH.least + random.int(STRETCH.most - STRETCH.least + 1);
    for (let k = 0; k < length && shown.length < KNOWN_ONLY; k++) {
      shown.push(drawKnown(device, set, random, classes));
    }
  }
  // Each photograph is answered once, however often it comes.
  const ids = new Map<string, { at: number; shown: Shown }>();
  for (const s of shown) {
    const key = `${s.set.name} ${s.index}`;
    if (!ids.has(key)) ids.set(key, { at: ids.size, shown: s });
  }
  const once = await answers(
    device,
    [...ids.values()].map((v) => v.shown),
  );
  const said = shown.map((s) => once[ids.get(`${s.set.name} ${s.index}`)!.at]!);
  const monitor = new DriftMonitor();
  const confirmed = new ConfirmedDrift();
  let [falseAlarms, falselyOpened] = [0, 0];
  for (const { task, confidence, pValue, novel } of said) {
    const drift = monitor.add({ task, confidence, ...(pValue !== undefined && { pValue }) });
    if (drift !== undefined) falseAlarms += 1;
    if (confirmed.add(novel, drift)) falselyOpened += 1;
  }
  return { falseAlarms, falselyOpened };
}
