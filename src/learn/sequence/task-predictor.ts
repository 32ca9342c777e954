import { lower } from '../../autodiff/lower.js';
import type { Engine, Program } from '../../engine/engine.js';
import { GraphBuilder } from '../../onnx/builder.js';
import { floats, int } from '../../onnx/model.js';
import type { AdapterTensors } from '../adapter.js';
import type { Rows } from '../network.js';
import type { Samples } from '../samples.js';
import type { Isolation, IsolationContext } from '../strategy.js';
import { HEAD } from './headed.js';
import { outputRows, ROWS } from './output-rows.js';
import type { TaskHead } from './task-trainer.js';

/** Class probabilities of one task's network, with everything constant. It holds native memory: close it. */
export class TaskPredictor {
  private readonly program: Program;
  private readonly latent: string;
  private readonly latentShape: readonly number[];

  private constructor(program: Program, latent: string, latentShape: readonly number[]) {
    this.program = program;
    this.latent = latent;
    this.latentShape = latentShape;
  }

  static async open(
    engine: Engine,
    isolation: Pick<Isolation, 'deploy'>,
    context: IsolationContext,
    { tensors, head }: { tensors: AdapterTensors; head: TaskHead },
    threads?: number,
  ): Promise<TaskPredictor> {
    const { latent, latentShape } = context.crown;
    const classes = head.bias.length;
    const b = new GraphBuilder();
    b.input(latent, [ROWS, ...latentShape]);
    const { features } = isolation.deploy(context, tensors, b, latent);
    const weight = b.constant(floats(head.weight, [classes, b.shape(features)[1]!]), `${HEAD}.weight`);
    const bias = b.constant(floats(head.bias, [classes]), `${HEAD}.bias`);
    const logits = b.op('Gemm', [features, weight, bias], { transB: int(1) });
    b.output(b.op('Softmax', [logits], { axis: int(1) }));
    const program = await engine.compile(lower(b.model('lichen-task-network')), { threads });
    return new TaskPredictor(program, latent, latentShape);
  }

  /** [count, the task's classes in their order] */
  probabilities(samples: Samples): Promise<Rows> {
    return outputRows(this.program, this.latent, this.latentShape, samples);
  }

  close(): Promise<void> {
    return this.program.close();
  }
}
