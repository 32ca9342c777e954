import type { Backbone } from '../../src/backbone/backbone.js';
import type { Engine } from '../../src/engine/engine.js';
import type { Rows } from '../../src/learn/network.js';
import { Discriminant } from '../../src/learn/streaming/discriminant.js';
import { StreamingDiscriminant } from '../../src/learn/streaming/slda.js';
import { presumedTemperature } from '../../src/learn/temperature.js';
import type { Answer } from '../../src/recognize/answer.js';
import { TaskChooser } from '../../src/recognize/chooser.js';
import { FrozenFeatures } from '../../src/recognize/frozen-features.js';
import { Novelty } from '../../src/recognize/novelty.js';
import type { Described } from './described.js';

/** Share of known pictures that may be called novel, as the agent's settings have it. */
const FALSE_ALARMS = 0.05;
/** The covariance that novelty goes by is made anew when so much more has been learned, as the agent does. */
const RENEWED = 0.1;
/** So many samples of a class are learned before any is held out, as the agent does. */
const LEARNED_FIRST = 4;
const TASK = 'stream';

/**
 * What a device answers by right after a label: the streaming discriminant, in its closed form, which is the same to
 * rounding and costs a few milliseconds for so few samples. One label in five is held out, as on a device; with enough of
 * those it is told what is novel.
 */
export class InstantLearner {
  private readonly engine: Engine;
  private readonly backbone: Backbone;
  private readonly set: Described;
  private readonly fitted: number[] = [];
  private readonly heldOut: number[] = [];
  private classes: string[] = [];
  private head: { weight: Float32Array; bias: Float32Array } | undefined;
  private features: FrozenFeatures | undefined;
  private chooser: TaskChooser | undefined;
  private chosenOf = 0;
  private readonly shrinkage: number;

  constructor(engine: Engine, backbone: Backbone, set: Described) {
    // What a device answers with until held-out samples have chosen.
    const { shrinkage } = new StreamingDiscriminant(set.blocks);
    this.shrinkage = shrinkage;
    this.engine = engine;
    this.backbone = backbone;
    this.set = set;
  }

  async learn(indices: readonly number[]): Promise<void> {
    const { labels, rows, blocks, heldOut } = this.set;
    for (const i of indices) {
      const learned = this.fitted.filter((k) => labels[k] === labels[i]).length;
      (heldOut[i] && learned >= LEARNED_FIRST ? this.heldOut : this.fitted).push(i);
    }
    this.classes = [...new Set(this.fitted.map((i) => labels[i]!))];
    if (this.fitted.length < 2) return;
    const known = this.fitted.map((i) => this.classes.indexOf(labels[i]!));
    const discriminant = await Discriminant.prepare(
      part(rows, this.fitted),
      known,
      this.classes.length,
      blocks,
    );
    this.head = await discriminant.fit(this.shrinkage);
  }

  /** What is answered for pictures, without whether they are novel. */
  answers(indices: readonly number[]): (Answer | undefined)[] {
    const { head, classes } = this;
    if (!head) return indices.map(() => undefined);
    const temperature = presumedTemperature(this.set.rows.width, this.fitted.length, true);
    const { data, width } = this.set.rows;
    return indices.map((i) => {
      const scores = classes.map((_, c) => {
        let sum = head.bias[c]!;
        for (let k = 0; k < width; k++) sum += head.weight[c * width + k]! * data[i * width + k]!;
        return sum;
      });
      const peak = Math.max(...scores);
      const powers = scores.map((s) => Math.exp((s - peak) / temperature));
      const sum = powers.reduce((a, b) => a + b, 0);
      const all = classes
        .map((label, c) => ({ label, probability: powers[c]! / sum }))
        .sort((a, b) => b.probability - a.probability);
      return { task: TASK, ...all[0]!, version: 'instant' as const, all, novel: false };
    });
  }

  /** What a device says of pictures in its stream. */
  async seen(indices: readonly number[]): Promise<(Answer | undefined)[]> {
    const answers = this.answers(indices);
    if (this.heldOut.length < Novelty.samplesFor(FALSE_ALARMS)) return answers;
    if (!this.chooser || this.fitted.length > (1 + RENEWED) * this.chosenOf) await this.renew();
    const explained = await this.chooser!.explain(indices.map((i) => this.set.latents[i]!));
    return answers.map((a, k) => a && { ...a, novel: explained[k]!.novel, pValue: explained[k]!.pValue });
  }

  close(): Promise<void> | undefined {
    return this.features?.close();
  }

  private async renew(): Promise<void> {
    const { rows, blocks, labels, latents } = this.set;
    const discriminant = new StreamingDiscriminant(blocks);
    const own = this.fitted.map((i) => labels[i]!);
    await discriminant.addAll(this.engine, part(rows, this.fitted), own);
    const novelty = { falseAlarms: FALSE_ALARMS, heldOut: this.heldOut.map((i) => latents[i]!) };
    this.features ??= await FrozenFeatures.open(this.engine, this.backbone);
    this.chooser = await TaskChooser.open(this.features, new Map([[TASK, discriminant]]), novelty);
    this.chosenOf = this.fitted.length;
  }
}

function part({ data, width }: Rows, indices: readonly number[]): Rows {
  const rows = new Float32Array(indices.length * width);
  indices.forEach((i, k) => {
    rows.set(data.subarray(i * width, (i + 1) * width), k * width);
  });
  return { data: rows, count: indices.length, width };
}
