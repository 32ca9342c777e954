import { GraphBuilder } from '../../onnx/builder.js';
import { inline } from '../../onnx/inline.js';
import type { AdapterTensors } from '../adapter.js';
import type { Isolation, IsolationContext, TaskOutputs, TrainableNetwork } from '../strategy.js';
import { crownOutputs } from './layers.js';

/** The crown as it is, nothing trained: what instant answers stand on, and the reference for every method. */
export class Frozen implements Isolation {
  readonly name = 'frozen';

  network(context: IsolationContext, batch: number): TrainableNetwork {
    const b = new GraphBuilder();
    const latent = b.input(context.crown.latent, [batch, ...context.crown.latentShape]);
    return { builder: b, parameters: [], features: this.deploy(context, new Map(), b, latent).features };
  }

  freeze(): AdapterTensors {
    return new Map();
  }

  withoutFeatures(): AdapterTensors {
    return new Map();
  }

  deploy(
    { crown }: IsolationContext,
    _adapter: AdapterTensors,
    b: GraphBuilder,
    latent: string,
  ): TaskOutputs {
    return crownOutputs(crown, inline(b, crown.graph, new Map([[crown.latent, latent]])));
  }
}
