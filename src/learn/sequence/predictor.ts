import { lower } from '../../autodiff/lower.js';
import type { Engine, FloatTensor, Program } from '../../engine/engine.js';
import { int, sizeOf } from '../../onnx/model.js';
import type { Random } from '../../random.js';
import type { Rows } from '../network.js';
import type { Samples } from '../samples.js';
import { entryOf } from '../steps.js';
import type { Crown, Isolation, Parameter } from '../strategy.js';
import { batchInputs, closeOthers, drawNoise } from './batches.js';
import { ROWS } from './output-rows.js';
import { logitsOf } from './shared-step.js';

/** What `open` makes. */
interface Made {
  output: string;
  parameters: readonly Parameter[];
  noise: ReadonlyMap<string, readonly number[]>;
  /** Of one sample. */
  shape: readonly number[];
  classes: number;
}

/** Class probabilities of a network whose parameters are inputs. It holds native memory: close it. */
export class Predictor {
  private readonly program: Program;
  private readonly output: string;
  private readonly parameters: readonly Parameter[];
  private readonly noise: ReadonlyMap<string, readonly number[]>;
  private readonly shape: readonly number[];
  private readonly classes: number;

  private constructor(program: Program, { output, parameters, noise, shape, classes }: Made) {
    this.program = program;
    this.output = output;
    this.parameters = parameters;
    this.noise = noise;
    this.shape = shape;
    this.classes = classes;
  }

  static async open(
    engine: Engine,
    isolation: Isolation,
    crown: Crown,
    random: Random,
    threads?: number,
  ): Promise<Predictor> {
    const { b, logits, parameters, noise } = logitsOf(isolation, crown, ROWS, true, 'test', random);
    const output = b.output(b.op('Softmax', [logits], { axis: int(1) }));
    const program = await engine.compile(lower(b.model('lichen-sequence-test')), { threads });
    const classes = b.shape(output)[1]!;
    return new Predictor(program, { output, parameters, noise, shape: crown.latentShape, classes });
  }

  /**
   * Class probabilities [count, classes], the mean over some draws where the network has noise.
   * @param values the parameters
   * @param open classes that come into question; all without it
   */
  async probabilities(
    samples: Samples,
    values: ReadonlyMap<string, Float32Array>,
    open: readonly number[] | undefined,
    draws = 1,
    random?: Random,
  ): Promise<Rows> {
    const { classes, shape } = this;
    const width = sizeOf(shape);
    const names = batchInputs('test');
    const x = { dims: [ROWS, ...shape], data: new Float32Array(ROWS * width) };
    const mask = { dims: [ROWS, classes], data: new Float32Array(ROWS * classes) };
    for (let row = 0; row < ROWS; row++) closeOthers(mask.data, row * classes, classes, open);
    const feeds: Record<string, FloatTensor> = { [names.x]: x, [names.open]: mask };
    for (const { name, dims } of this.parameters) feeds[name] = { dims, data: values.get(name)! };
    const all: Rows = {
      data: new Float32Array(samples.count * classes),
      count: samples.count,
      width: classes,
    };
    for (let from = 0; from < samples.count; from += ROWS) {
      const count = Math.min(ROWS, samples.count - from);
      for (let row = 0; row < count; row++) samples.read(from + row, x.data, row * width);
      for (let draw = 0; draw < draws; draw++) {
        const noise = this.noise.size > 0 && random ? onlyStep(drawNoise(this.noise, 1, random)) : {};
        const found = (await this.program.run({ ...feeds, ...noise }))[this.output]!.data;
        for (let i = 0; i < count * classes; i++) all.data[from * classes + i]! += found[i]! / draws;
      }
    }
    return all;
  }

  close(): Promise<void> {
    return this.program.close();
  }
}

function onlyStep(tensors: Record<string, FloatTensor>): Record<string, FloatTensor> {
  return Object.fromEntries(Object.entries(tensors).map(([name, tensor]) => [name, entryOf(tensor, 0)]));
}
