import type { Backbone } from '../backbone/backbone.js';
import type { Engine } from '../engine/engine.js';
import type { LabelledLatent } from '../learn/candidate.js';
import type { Deployed } from '../learn/deploy.js';
import { answers } from '../learn/head.js';
import { TaskNetwork } from '../learn/network.js';
import { StreamingDiscriminant } from '../learn/streaming/slda.js';
import { instantModel, versionModel } from '../recognize/task-model.js';
import type { Store } from '../store/store.js';
import type { Task } from '../store/tasks.js';
import type { Version } from '../store/versions.js';

/** Share of the held-out samples that a stored version answers rightly. */
export function heldOutAccuracy(
  engine: Engine,
  backbone: Backbone,
  store: Store,
  task: Task,
  version: Version,
  samples: readonly LabelledLatent[],
): Promise<number> {
  const deployed = versionModel(backbone, store.versions, task, version);
  return shareRight(engine, backbone, deployed, version.classes, task, samples);
}

/** Share of the held-out samples that a task's instant answer, as it was saved last, gives rightly; 0 without one. */
export async function instantAccuracy(
  engine: Engine,
  backbone: Backbone,
  store: Store,
  task: Task,
  samples: readonly LabelledLatent[],
): Promise<number> {
  const saved = store.discriminants.load(task.name);
  const discriminant = saved && StreamingDiscriminant.decode(saved.state);
  if (!discriminant || discriminant.samples < 2) return 0;
  const head = await discriminant.head();
  return shareRight(engine, backbone, instantModel(backbone, head), head.classes, task, samples);
}

async function shareRight(
  engine: Engine,
  backbone: Backbone,
  deployed: Deployed,
  classes: readonly string[],
  task: Task,
  samples: readonly LabelledLatent[],
): Promise<number> {
  const heldOut = samples.filter((s) => s.heldOut);
  const network = await TaskNetwork.open(engine, deployed, backbone.latentCodec);
  try {
    const given = answers(await network.probabilities(heldOut.map((s) => s.latent)));
    const right = given.filter((c, i) => classes[c] === task.classes[heldOut[i]!.label]);
    return right.length / heldOut.length;
  } finally {
    await network.close();
  }
}
