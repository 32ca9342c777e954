import { lower } from '../../autodiff/lower.js';
import type { Engine, Program } from '../../engine/engine.js';
import { LichenError } from '../../errors.js';
import { GraphBuilder } from '../../onnx/builder.js';
import { Random } from '../../random.js';
import { FineTuning, withTrained } from '../isolation/fine-tuning.js';
import { Frozen } from '../isolation/frozen.js';
import { crownBytes } from '../isolation/layers.js';
import type { Rows } from '../network.js';
import type { Samples } from '../samples.js';
import type { Crown } from '../strategy.js';
import type { ClassifierLayer, StreamingClassifier } from '../streaming/streaming-classifier.js';
import type { ContinualLearner, Holdings, SequenceOptions, SequenceProgress } from './continual-learner.js';
import { fedBy } from './headed.js';
import { outputRows, ROWS } from './output-rows.js';
import type { SequenceTask } from './task.js';
import { TaskTrainer } from './task-trainer.js';

/** Learns tasks with a classifier in closed form on the features of a network that stays as it is. */
export class FeatureClassifier implements ContinualLearner {
  private readonly trainer: TaskTrainer;
  private readonly classifier: StreamingClassifier;
  private readonly backboneFromFirst: boolean;
  private readonly tasks: SequenceTask[] = [];
  private crown: Crown;
  private program: Program | undefined;
  private layer: ClassifierLayer | undefined;

  /** @param backboneFromFirst trains the network on the first task, before it is frozen */
  constructor(
    engine: Engine,
    crown: Crown,
    classifier: StreamingClassifier,
    options: SequenceOptions,
    backboneFromFirst: boolean,
  ) {
    this.trainer = new TaskTrainer(engine, crown.latentShape, options, new Random(options.seed));
    this.crown = crown;
    this.classifier = classifier;
    this.backboneFromFirst = backboneFromFirst;
  }

  async learn(task: SequenceTask, report: (p: SequenceProgress) => void = () => {}): Promise<void> {
    if (task.train.count === 0) {
      throw new LichenError('learn-no-samples', `task '${task.name}' has no sample to learn from`);
    }
    const number = this.tasks.push(task) - 1;
    if (number === 0 && this.backboneFromFirst) {
      const isolation = new FineTuning(this.trainer.options.rate);
      const { values } = await this.trainer.train(
        {
          ...{ task, number },
          network: (input, batch) =>
            isolation.network({ crown: fedBy(this.crown, input), earlier: [] }, batch),
        },
        report,
      );
      this.crown = withTrained(this.crown, values);
      await this.close();
    }
    await this.classifier.add(await this.features(task.train), task.train.labels);
    this.layer = await this.classifier.layer();
  }

  async probabilities(samples: Samples, task?: number): Promise<Rows> {
    const { classes: all, taskKnown } = this.trainer.options;
    const rows: Rows = { data: new Float32Array(samples.count * all), count: samples.count, width: all };
    if (taskKnown && task === undefined) {
      throw new LichenError(
        'method-needs-task',
        "this classifier was told to tell classes of one task apart, so it must be told the samples' task; say `taskKnown: false` to do without",
      );
    }
    if (!this.layer) return { ...rows, data: rows.data.fill(1 / all) };
    const { classes, weight, bias } = this.layer;
    const { data: features, width } = await this.features(samples);
    const open = taskKnown ? new Set(this.tasks[task!]?.classes) : undefined;
    const asked = classes.flatMap((label, c) => (!open || open.has(label) ? [{ label, c }] : []));
    const scores = new Float32Array(asked.length);
    for (let i = 0; i < samples.count; i++) {
      asked.forEach(({ c }, place) => {
        let score = bias[c]!;
        for (let k = 0; k < width; k++) score += features[i * width + k]! * weight[c * width + k]!;
        scores[place] = score;
      });
      toProbabilities(scores);
      asked.forEach(({ label }, place) => {
        rows.data[i * all + label] = scores[place]!;
      });
    }
    return rows;
  }

  holdings(): Holdings {
    const head = 4 * ((this.layer?.weight.length ?? 0) + (this.layer?.bias.length ?? 0));
    return { parameters: crownBytes(this.crown) + head, state: this.classifier.stateBytes, memory: 0 };
  }

  async close(): Promise<void> {
    const { program } = this;
    this.program = undefined;
    await program?.close();
  }

  /** Features of all samples. */
  private async features(samples: Samples): Promise<Rows> {
    const { latent, latentShape } = this.crown;
    this.program ??= await this.compiled();
    return outputRows(this.program, latent, latentShape, samples);
  }

  private compiled(): Promise<Program> {
    const b = new GraphBuilder();
    const { latent, latentShape } = this.crown;
    b.input(latent, [ROWS, ...latentShape]);
    const context = { crown: this.crown, earlier: [] };
    b.output(new Frozen().deploy(context, new Map(), b, latent).features);
    const { engine, options } = this.trainer;
    return engine.compile(lower(b.model('lichen-features')), { threads: options.threads });
  }
}

/** Softmax of scores, in their place. */
function toProbabilities(scores: Float32Array): void {
  const most = scores.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY);
  let sum = 0;
  scores.forEach((score, i) => {
    scores[i] = Math.exp(score - most);
    sum += scores[i]!;
  });
  for (let i = 0; i < scores.length; i++) scores[i]! /= sum;
}
