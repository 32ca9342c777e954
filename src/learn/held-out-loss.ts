import { sampleLosses } from '../autodiff/loss.js';
import { lower } from '../autodiff/lower.js';
import type { Engine, FloatTensor, Program } from '../engine/engine.js';
import type { Model } from '../onnx/model.js';
import { Random } from '../random.js';
import { classifier } from './classifier.js';
import { outputSampleLosses, SAMPLE_LOSSES } from './softmax.js';
import type { Isolation, IsolationContext } from './strategy.js';

/** More held-out samples than these say little more about when to stop. */
const MOST = 128;

/** Puts samples into a batch's tensors. */
export interface Feed {
  fill(indices: readonly number[]): Record<string, FloatTensor>;
}

/** The mean loss of held-out samples on the network as it is trained now: a forward pass, with what is trained as inputs. */
export class HeldOutLoss {
  private readonly program: Program;
  private readonly feed: Feed;
  private readonly batches: readonly number[][];
  private readonly batch: number;

  private constructor(program: Program, feed: Feed, batches: readonly number[][], batch: number) {
    this.program = program;
    this.feed = feed;
    this.batches = batches;
    this.batch = batch;
  }

  /**
   * Compiles the forward pass. It holds native memory: close it.
   * @param feed of the held-out samples, for `batch` samples
   * @param count held-out samples; of more than 128, 128 are drawn
   */
  static async open(
    engine: Engine,
    isolation: Isolation,
    context: IsolationContext,
    feed: Feed,
    { count, batch, classes, seed }: { count: number; batch: number; classes: number; seed: number },
    options: { threads?: number; arena?: boolean },
  ): Promise<HeldOutLoss> {
    const model = forwardGraph(isolation, context, batch, classes);
    const all = Array.from({ length: count }, (_, i) => i);
    const drawn = new Random(seed).shuffle(all).slice(0, MOST);
    const batches = Array.from({ length: Math.ceil(drawn.length / batch) }, (_, i) =>
      drawn.slice(i * batch, (i + 1) * batch),
    );
    return new HeldOutLoss(await engine.compile(model, options), feed, batches, batch);
  }

  /** @param parameters current values of everything that is trained */
  async measure(parameters: Record<string, FloatTensor>): Promise<number> {
    let sum = 0;
    let count = 0;
    for (const indices of this.batches) {
      const results = await this.program.run({ ...parameters, ...this.feed.fill(indices) });
      const losses = results[SAMPLE_LOSSES]!.data;
      // A short batch weighs its samples more; see the learner's feed.
      for (const loss of losses) sum += (loss * indices.length) / this.batch;
      count += indices.length;
    }
    return sum / count;
  }

  close(): Promise<void> {
    return this.program.close();
  }
}

function forwardGraph(
  isolation: Isolation,
  context: IsolationContext,
  batch: number,
  classes: number,
): Model {
  // What is trained is an input: the values that it would start from do not matter, nor does a rate.
  const size = { batch, classes, headRate: 0, differentiated: false };
  const { builder, logits, targets } = classifier(isolation, context, size, new Random(0));
  builder.outputs.length = 0;
  outputSampleLosses(builder, sampleLosses(builder, logits, targets));
  return lower(builder.model('lichen-held-out'));
}
