import { Backbone } from '../../src/backbone/backbone.js';
import { defaultManifest } from '../../src/backbone/manifest.js';
import type { Engine } from '../../src/engine/engine.js';
import { Random } from '../../src/random.js';
import type { Dataset } from '../data.js';
import { type Summary, summaryOf } from '../statistics.js';
import { type Described, describeSet } from './described.js';
import { InstantLearner } from './learner.js';
import { MarginRule, QueueRule, RandomRule, RULES, type Rule, type RuleName } from './rules.js';

/** Labels after which the answers are tested. */
export const CHECKPOINTS = [10, 20, 40, 80, 160] as const;
/** Share of each class that is for the test and never in the stream. */
const TESTED = 1 / 3;
const DAY_MS = 24 * 3600 * 1000;
/** Labels that the owner gives in a day: fewer than the queue may ask for. */
const LABELS_A_DAY = 15;

export interface LabellingOptions {
  folder: string;
  datasets: readonly Dataset[];
  seeds: number;
  firstSeed: number;
  /** Questions that the owner answers each time. */
  atOnce: number;
}

/** How accurate answers are after some labels that were chosen by a rule. */
export interface LabellingRow {
  dataset: Dataset;
  rule: RuleName;
  labels: number;
  /** Labels that there were, where fewer were asked for than could have been. */
  given: Summary;
  /** Share of right answers for all test pictures. */
  accuracy: Summary;
  /** The same of each class, averaged over the classes: what the largest class does not dominate. */
  perClass: Summary;
  /** Classes that the labels were of. */
  classes: Summary;
}

export interface LabellingResult {
  atOnce: number;
  rows: LabellingRow[];
}

/** What labels are worth that the queue asks for, against those of pictures taken at random, and by the margin alone. */
export async function measureLabelling(
  engine: Engine,
  { folder, datasets, seeds, firstSeed, atOnce }: LabellingOptions,
  say: (text: string) => void,
): Promise<LabellingResult> {
  const backbone = await Backbone.open(defaultManifest(), engine);
  const trunk = await backbone.openTrunk(engine);
  try {
    const rows: LabellingRow[] = [];
    for (const dataset of datasets) {
      const set = await describeSet(folder, dataset, engine, backbone, trunk, say);
      for (const rule of RULES) {
        const runs: Tested[][] = [];
        for (let seed = firstSeed; seed < firstSeed + seeds; seed++) {
          say(`${dataset}, ${rule}, seed ${seed}`);
          runs.push(await run(engine, backbone, set, rule, seed, atOnce));
        }
        CHECKPOINTS.forEach((labels, k) => {
          const of = (pick: (t: Tested) => number) => summaryOf(runs.map((r) => pick(r[k]!)));
          rows.push({
            ...{ dataset, rule, labels, given: of((t) => t.given) },
            accuracy: of((t) => t.accuracy),
            perClass: of((t) => t.perClass),
            classes: of((t) => t.classes),
          });
        });
      }
    }
    return { atOnce, rows };
  } finally {
    await trunk.close();
  }
}

interface Tested {
  given: number;
  accuracy: number;
  perClass: number;
  classes: number;
}

/** A stream of photographs, each of which passes once, and an owner who answers rightly. */
export async function run(
  engine: Engine,
  backbone: Backbone,
  set: Described,
  name: RuleName,
  seed: number,
  atOnce: number,
): Promise<Tested[]> {
  const random = new Random(seed);
  const { stream, test } = streamOf(set, random);
  const learner = new InstantLearner(engine, backbone, set);
  const rule = ruleOf(name, set, learner, backbone, random);
  const most = CHECKPOINTS.at(-1)!;
  const given = new Set<number>();
  const tested: Tested[] = [];
  let passed = 0;
  for (let visit = 1; tested.length < CHECKPOINTS.length; visit++) {
    const wanted = visit * atOnce;
    const until = Math.min(stream.length, Math.round((wanted / most) * stream.length));
    const at = (picture: number) => Math.round((picture / stream.length) * (most / LABELS_A_DAY) * DAY_MS);
    for (; passed < until; passed++) await rule.passes(stream[passed]!, at(passed));
    const chosen = await rule.choose(atOnce, at(passed));
    for (const picture of chosen) given.add(picture);
    await learner.learn(chosen);
    rule.labelled(chosen);
    if (wanted < CHECKPOINTS[tested.length]!) continue;
    const classes = new Set([...given].map((i) => set.labels[i]!)).size;
    tested.push({ given: given.size, classes, ...accuracyOf(learner, set, test) });
  }
  await learner.close();
  rule.close();
  return tested;
}

function ruleOf(
  name: RuleName,
  set: Described,
  learner: InstantLearner,
  backbone: Backbone,
  random: Random,
): Rule {
  if (name === 'queue') return new QueueRule(set, learner, backbone.latentCodec, 7 * DAY_MS);
  return name === 'margin' ? new MarginRule(random, learner) : new RandomRule(random);
}

/** Pictures of a stream in random order, and others to test on. Copies of one picture are taken once. */
function streamOf(set: Described, random: Random): { stream: number[]; test: number[] } {
  const once = set.samples.flatMap((sample, i) => (set.samples.indexOf(sample) === i ? [i] : []));
  const stream: number[] = [];
  const test: number[] = [];
  for (const label of set.classes) {
    const own = random.shuffle(once.filter((i) => set.labels[i] === label));
    const tested = Math.round(TESTED * own.length);
    test.push(...own.slice(0, tested));
    stream.push(...own.slice(tested));
  }
  return { stream: random.shuffle(stream), test };
}

function accuracyOf(learner: InstantLearner, set: Described, test: readonly number[]) {
  const answers = learner.answers(test);
  const right = test.map((i, k) => (answers[k]?.label === set.labels[i] ? 1 : 0));
  const mean = (values: readonly number[]) => values.reduce((a, b) => a + b, 0) / values.length;
  const perClass = set.classes.map((label) => mean(right.filter((_, k) => set.labels[test[k]!] === label)));
  return { accuracy: mean(right), perClass: mean(perClass) };
}
