import type { Backbone } from '../backbone/backbone.js';
import type { Engine } from '../engine/engine.js';
import { encodeAdapter } from '../learn/adapter.js';
import { digestOf } from '../learn/digest.js';
import { StreamingDiscriminant } from '../learn/streaming/slda.js';
import { instantModel } from '../recognize/task-model.js';
import type { Store } from '../store/store.js';
import type { Version } from '../store/versions.js';

/**
 * Closes a task for good. Where the instant answer is what the task runs, it is first kept as a version, so
 * that a closed task always has an immutable version with the digest of its answers on record.
 * @param accuracy of the instant answer on held-out samples, where it was measured
 * @returns what the task runs from now on; undefined for a task that has learned nothing
 * @throws LichenError `task-unknown`
 */
export async function closeTask(
  engine: Engine,
  backbone: Backbone,
  store: Store,
  task: string,
  accuracy: number | null = null,
): Promise<Version | undefined> {
  const { closedAt } = store.tasks.require(task);
  const current = store.versions.current(task);
  const saved = store.discriminants.load(task);
  if (closedAt !== undefined || current || !saved) {
    store.tasks.close(task);
    return current;
  }
  const discriminant = StreamingDiscriminant.decode(saved.state);
  const head = await discriminant.head();
  const digest = await digestOf(engine, instantModel(backbone, head), backbone.latentCodec);
  return store.database.transaction(() => {
    // A training that ended meanwhile may have been better than the instant answer.
    const promoted = store.versions.current(task);
    if (promoted) {
      store.tasks.close(task);
      return promoted;
    }
    const version = store.versions.add({
      task,
      source: 'trained',
      isolation: 'frozen',
      classes: head.classes,
      adapter: encodeAdapter({ isolation: 'frozen', tensors: new Map(), head }),
      metrics: {
        trainSamples: discriminant.samples,
        heldOutAccuracy: accuracy,
        shrinkage: discriminant.shrinkage,
      },
      digest,
    });
    store.versions.promote(task, version.id, 'the instant answer, kept as the task was closed');
    store.tasks.close(task);
    return version;
  })();
}
