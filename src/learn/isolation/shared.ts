import type { GraphBuilder } from '../../onnx/builder.js';
import type { AdapterTensors } from '../adapter.js';
import type { Crown, Isolation, IsolationContext, TaskOutputs } from '../strategy.js';
import { FineTuning } from './fine-tuning.js';
import { weightLayer } from './layers.js';

/**
 * The network of a task that shares one trained crown with others. The adapter of the task that was trained holds the
 * crown's weights; adapters of the others hold a head alone and build on that one.
 */
export class SharedCrown implements Pick<Isolation, 'name' | 'deploy'> {
  readonly name = 'shared';

  deploy(context: IsolationContext, adapter: AdapterTensors, b: GraphBuilder, latent: string): TaskOutputs {
    const weights = adapter.size > 0 ? adapter : (context.earlier.at(-1) ?? adapter);
    const outputs = new FineTuning(0).deploy(context, weights, b, latent);
    // Where only the last layers were trained, maps hardly say what was learned.
    return trainsAll(context.crown, weights) ? outputs : { ...outputs, vectors: [outputs.features] };
  }
}

const trainsAll = ({ graph }: Crown, weights: AdapterTensors): boolean =>
  graph.nodes.every((n) => !weightLayer(graph, n) || weights.has(`${n.outputs[0]!}.bias`));
