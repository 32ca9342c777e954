import { inPlaceUpdates } from '../autodiff/in-place.js';
import { RATE_INPUT } from '../autodiff/optimizer.js';
import type { FloatTensor, Program } from '../engine/engine.js';
import { sizeOf } from '../onnx/model.js';
import { SAMPLE_LOSSES } from './softmax.js';
import type { Parameter } from './strategy.js';
import { LOSS, type TrainingGraph } from './training-graph.js';

/**
 * Parameters and optimizer state. A step writes them in place where all that reads them is done by then; all others
 * are there twice: a step reads one copy and writes the other.
 */
export class StepState {
  private current: Record<string, FloatTensor> = {};
  private next: Record<string, FloatTensor> = {};
  private readonly outputs: Map<string, string>;
  private readonly parameters: readonly Parameter[];

  constructor({ model, parameters, steps }: TrainingGraph) {
    this.parameters = parameters;
    this.outputs = new Map(steps.flatMap((s) => [...s.updates]));
    const inPlace = inPlaceUpdates(model.graph, this.outputs);
    for (const [i, p] of parameters.entries()) {
      for (const input of steps[i]!.updates.keys()) {
        const zeros = () => ({ dims: p.dims, data: new Float32Array(sizeOf(p.dims)) });
        this.current[input] = input === p.name ? { dims: p.dims, data: p.initial } : zeros();
        this.next[input] = inPlace.has(input) ? this.current[input]! : zeros();
      }
    }
  }

  /** One step. Returns the batch's loss, and that of each row with the row's weight. */
  async advance(
    program: Program,
    feeds: Record<string, FloatTensor>,
    rate: number,
  ): Promise<{ loss: number; each: Float32Array }> {
    const into = Object.fromEntries([...this.outputs].map(([input, output]) => [output, this.next[input]!]));
    const scaled = { dims: [], data: Float32Array.of(rate) };
    const results = await program.run({ ...this.current, ...feeds, [RATE_INPUT]: scaled }, into);
    [this.current, this.next] = [this.next, this.current];
    return { loss: results[LOSS]!.data[0]!, each: results[SAMPLE_LOSSES]!.data };
  }

  /** What is trained, as inputs. */
  tensors(): Record<string, FloatTensor> {
    return Object.fromEntries(this.parameters.map((p) => [p.name, this.current[p.name]!]));
  }

  values(): Map<string, Float32Array> {
    return new Map(this.parameters.map((p) => [p.name, this.current[p.name]!.data]));
  }

  /** The values as they are now; those of `values` change with the next steps. */
  copy(): Map<string, Float32Array> {
    return new Map([...this.values()].map(([name, data]) => [name, data.slice()]));
  }
}
