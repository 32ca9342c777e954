import type { Backbone } from '../backbone/backbone.js';
import { LichenError } from '../errors.js';
import { PROBABILITIES } from '../learn/deploy.js';
import { StreamingDiscriminant } from '../learn/streaming/slda.js';
import { toBuildSet } from '../onnx/build-set.js';
import type { Model } from '../onnx/model.js';
import { instantModel, versionModel } from '../recognize/task-model.js';
import type { Store } from '../store/store.js';

/**
 * One ordinary ONNX model of what a task runs now: prepared picture in, class probabilities out. The frozen
 * trunk is joined to the task's network, with masks multiplied in.
 *
 * Latents are not rounded to bytes here, as they are on the device; the probabilities differ by what that
 * rounding costs (docs/benchmarks.md).
 * @throws LichenError `task-unknown`, `task-untrained`, `onnx-invalid` for a trunk that cannot be written in the set
 *   of the task's network, and as `versionModel` does
 */
export async function exportModel(
  backbone: Backbone,
  store: Pick<Store, 'tasks' | 'versions' | 'discriminants'>,
  name: string,
): Promise<Model> {
  const task = store.tasks.require(name);
  const version = store.versions.current(name);
  const { model: crown } = version
    ? versionModel(backbone, store.versions, task, version)
    : instantModel(backbone, await instantHead(store, name));
  // One model has one operator set, and the task's network is written in the one that Lichen builds in.
  const trunk = toBuildSet(backbone.trunkModel);
  const { input } = backbone.manifest;
  const classes = version?.classes ?? task.classes;
  // Names of the task's network are free to repeat names of the trunk: only the split tensor is shared.
  const taken = new Set([
    ...trunk.graph.initializers.keys(),
    ...trunk.graph.nodes.flatMap((n) => n.outputs),
    ...trunk.graph.inputs.map((i) => i.name),
  ]);
  const rename = (n: string) => (n !== '' && n !== backbone.id.split && taken.has(n) ? `task_${n}` : n);
  const nodes = crown.graph.nodes.map((n) => ({
    ...n,
    inputs: n.inputs.map(rename),
    outputs: n.outputs.map(rename),
  }));
  const initializers = new Map(trunk.graph.initializers);
  for (const [key, t] of crown.graph.initializers) initializers.set(rename(key), t);
  return {
    opset: crown.opset,
    domains: { ...trunk.domains, ...crown.domains },
    irVersion: Math.max(trunk.irVersion, crown.irVersion),
    metadata: {
      'lichen.task': name,
      'lichen.version': String(version?.number ?? 'instant'),
      'lichen.classes': JSON.stringify(classes),
      'lichen.backbone': backbone.id.sha256,
      'input.layout': input.layout,
      'input.colour': input.colour,
      'input.mean': String(input.mean),
      'input.std': String(input.std),
      'input.size': `${input.width}x${input.height}`,
    },
    graph: {
      name: `lichen-${name}`,
      nodes: [...trunk.graph.nodes, ...nodes],
      initializers,
      inputs: trunk.graph.inputs,
      outputs: [{ name: PROBABILITIES, type: 1, dims: ['N', classes.length] }],
    },
  };
}

async function instantHead(store: Pick<Store, 'discriminants'>, name: string) {
  const saved = store.discriminants.load(name);
  if (!saved)
    throw new LichenError(
      'task-untrained',
      `task '${name}' has learned nothing yet, so there is nothing to export`,
    );
  return StreamingDiscriminant.decode(saved.state).head();
}
