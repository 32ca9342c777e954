import { channelsLast } from '../autodiff/layout.js';
import { patched } from '../autodiff/patches.js';
import { LichenError } from '../errors.js';
import type { GraphBuilder } from '../onnx/builder.js';
import { sizeOf } from '../onnx/model.js';
import type { Random } from '../random.js';
import { headLogits, headShapes, TARGETS } from './softmax.js';
import type { Isolation, IsolationContext, Parameter } from './strategy.js';

/** A task's network with a softmax head and its targets, on whose graph a loss can be built. */
export interface Classifier {
  builder: GraphBuilder;
  /** What is trained, the head's last; they are inputs. */
  parameters: Parameter[];
  /** Names of [batch, classes] tensors. */
  logits: string;
  targets: string;
}

export interface ClassifierOptions {
  /** Samples that it works on at once. */
  batch: number;
  classes: number;
  /** Learning rate of the head. */
  headRate: number;
  /** Whether gradients will be asked for: convolutions are then products of patches, which backward passes share. */
  differentiated: boolean;
}

/**
 * Builds the network of an isolation strategy with a head of zeros, in the layout in which it runs fastest.
 * @throws LichenError `crown-features` where a head cannot read what the crown gives
 */
export function classifier(
  isolation: Isolation,
  context: IsolationContext,
  { batch, classes, headRate, differentiated }: ClassifierOptions,
  random: Random,
): Classifier {
  const network = isolation.network(context, batch, random);
  let forward = network.builder;
  checkFeatures(network.features, forward.shape(network.features), batch);
  forward.output(network.features);
  const shapes = (of: GraphBuilder) => (name: string) => of.shape(name);
  if (differentiated) forward = patched(forward.graph(), shapes(forward));
  const builder = channelsLast(forward.graph(), shapes(forward));
  const head = [...headShapes(classes, builder.shape(network.features)[1]!)].map(([name, dims]) => ({
    name,
    dims,
    initial: new Float32Array(sizeOf(dims)),
    learningRate: headRate,
  }));
  for (const p of head) builder.input(p.name, p.dims);
  const targets = builder.input(TARGETS, [batch, classes]);
  const logits = headLogits(builder, network.features);
  return { builder, parameters: [...network.parameters, ...head], logits, targets };
}

function checkFeatures(name: string, dims: readonly number[], batch: number): void {
  if (dims.length === 2 && dims[0] === batch) return;
  const why =
    dims[0] === batch
      ? 'export the network with a Flatten at its end'
      : 'a shape in it is fixed for one sample, or it mixes samples; export the network with a symbolic batch';
  throw new LichenError(
    'crown-features',
    `a head reads [batch, features], and '${name}' is [${dims.join(', ')}] for a batch of ${batch}: ${why}`,
  );
}
