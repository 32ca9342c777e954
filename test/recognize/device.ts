import type { Backbone } from '../../src/backbone/backbone.js';
import type { Engine } from '../../src/engine/engine.js';
import { encodeAdapter, type Head } from '../../src/learn/adapter.js';
import { deployModel } from '../../src/learn/deploy.js';
import { Frozen } from '../../src/learn/isolation/frozen.js';
import { isolationNamed } from '../../src/learn/methods.js';
import { TaskNetwork } from '../../src/learn/network.js';
import { StreamingDiscriminant } from '../../src/learn/streaming/slda.js';
import { Random } from '../../src/random.js';
import type { Store } from '../../src/store/store.js';
import type { Version } from '../../src/store/versions.js';

/** Labelled latents of a task, as a device would have seen them. */
export interface Seen {
  latents: readonly Uint8Array[];
  labels: readonly string[];
}

/** Creates a task and saves the discriminant over what was seen, as the agent does. */
export async function learnInstantly(
  engine: Engine,
  backbone: Backbone,
  store: Store,
  task: string,
  { latents, labels }: Seen,
): Promise<void> {
  const classes = [...new Set(labels)];
  if (!store.tasks.get(task))
    store.tasks.create({ name: task, isolation: 'piggyback', backbone: backbone.id, classes });
  const context = { crown: backbone.crown, earlier: [] };
  const bare = deployModel(new Frozen(), context, { tensors: new Map() });
  const network = await TaskNetwork.open(engine, bare, backbone.latentCodec);
  const { summary } = await network.describe(latents);
  const discriminant = new StreamingDiscriminant(network.blocks);
  labels.forEach((label, i) => {
    discriminant.add(summary.data.slice(i * summary.width, (i + 1) * summary.width), label);
  });
  await network.close();
  store.discriminants.save(task, discriminant.encode());
}

/** Adds a version whose head answers `always`, whatever it is shown, and promotes it. */
export function addVersion(
  backbone: Backbone,
  store: Store,
  task: string,
  always: string,
  isolation: 'piggyback' | 'pnn' = 'piggyback',
  requires: Version['requires'] = [],
): Version {
  const { classes } = store.tasks.require(task);
  const method = isolationNamed(isolation);
  const earlier: [] = [];
  const context = { crown: backbone.crown, earlier };
  const values = new Map(
    method.network(context, 1, new Random(1)).parameters.map((p) => [p.name, p.initial]),
  );
  const tensors = method.freeze(context, values);
  const { blocks } = deployModel(method, context, { tensors });
  const features = blocks.reduce((a, b) => a + b, 0);
  const head: Head = {
    kind: 'discriminant',
    classes,
    weight: new Float32Array(classes.length * features),
    bias: Float32Array.from(classes, (c) => (c === always ? 3 : 0)),
    features,
  };
  const adapter = encodeAdapter({ isolation, tensors, head });
  const version = store.versions.add({
    task,
    source: 'trained',
    isolation,
    classes,
    requires,
    adapter,
    metrics: {},
  });
  store.versions.promote(task, version.id, 'test');
  return version;
}
