import type { Backbone } from '../backbone/backbone.js';
import { LichenError } from '../errors.js';
import type { Head } from '../learn/adapter.js';
import { type Adapter, type AdapterTensors, decodeAdapter } from '../learn/adapter.js';
import { type Deployed, deployModel } from '../learn/deploy.js';
import { Frozen } from '../learn/isolation/frozen.js';
import { deployableNamed } from '../learn/methods.js';
import type { Task } from '../store/tasks.js';
import type { Requirement, Version, VersionStore } from '../store/versions.js';

/** Adapters that a version builds on, oldest first. */
export function earlierAdapters(versions: VersionStore, requires: readonly Requirement[]): AdapterTensors[] {
  return requires.map(({ task, version, sha256 }) => {
    const found = versions.numbered(task, version);
    if (found?.sha256 !== sha256) {
      throw new LichenError(
        'version-missing-requirement',
        `version ${version} of task '${task}' with the hash ${sha256} is needed, and is not in the store`,
      );
    }
    return decodeAdapter(versions.adapter(found.id)).tensors;
  });
}

/**
 * The network of a stored version: an ordinary ONNX model from latents to probabilities.
 * @throws LichenError `backbone-foreign` when the task was made for another backbone, and as the store does
 */
export function versionModel(
  backbone: Backbone,
  versions: VersionStore,
  task: Task,
  version: Version,
): Deployed {
  checkBackbone(backbone, task);
  const adapter: Adapter = decodeAdapter(versions.adapter(version.id));
  const earlier = earlierAdapters(versions, version.requires);
  return deployModel(deployableNamed(adapter.isolation), { crown: backbone.crown, earlier }, adapter);
}

/** The frozen crown without a head: what a discriminant reads. */
export function bareModel(backbone: Backbone): Deployed {
  return deployModel(new Frozen(), { crown: backbone.crown, earlier: [] }, { tensors: new Map() });
}

/** The network of the instant answer: the frozen crown and a discriminant's head. */
export function instantModel(backbone: Backbone, head: Head): Deployed {
  return deployModel(new Frozen(), { crown: backbone.crown, earlier: [] }, { tensors: new Map(), head });
}

/** Whether a task was learned on this backbone, cut where it is cut. */
export function fitsBackbone({ id }: Backbone, { backbone }: Task): boolean {
  return backbone.sha256 === id.sha256 && backbone.split === id.split;
}

/** @throws LichenError `backbone-foreign` */
export function checkBackbone(backbone: Backbone, task: Task): void {
  if (fitsBackbone(backbone, task)) return;
  const { id } = backbone;
  const { name, backbone: wanted } = task;
  throw new LichenError(
    'backbone-foreign',
    `task '${name}' was learned on backbone ${wanted.name} (${wanted.sha256.slice(0, 12)}, cut at ${wanted.split}), but this is ` +
      `${id.name} (${id.sha256.slice(0, 12)}, cut at ${id.split}); give the right one with --backbone`,
  );
}
