import type { Backbone } from '../backbone/backbone.js';
import type { Engine } from '../engine/engine.js';
import { LichenError } from '../errors.js';
import { decodeAdapter } from '../learn/adapter.js';
import type { LabelledLatent } from '../learn/candidate.js';
import { type Deployed, deployModel } from '../learn/deploy.js';
import { digestOf } from '../learn/digest.js';
import { deployableNamed } from '../learn/methods.js';
import { checkAcceptable } from '../pack/accept.js';
import type { TrustedKey } from '../pack/keys.js';
import type { PackManifest } from '../pack/manifest.js';
import { openPack } from '../pack/pack.js';
import { earlierAdapters } from '../recognize/task-model.js';
import type { ReplayMemory } from '../replay/memory.js';
import type { Store } from '../store/store.js';
import type { Version } from '../store/versions.js';
import { heldOutAccuracy, instantAccuracy } from './held-out-accuracy.js';

export interface Installed {
  task: string;
  version: Version;
  promoted: boolean;
  reason: string;
  /** On this device's own held-out samples; null where it has none of the task. */
  accuracy: number | null;
  /** Whether the probes are answered with the very bits that the signing device recorded. */
  sameDigest: boolean;
}

/** A pack that may be installed here, taken apart. */
export interface AcceptablePack {
  manifest: PackManifest;
  /** As it is written. */
  encoded: Uint8Array;
  deployed: Deployed;
}

/**
 * Opens a pack and checks that it may be installed on this device: signature, backbone, hash, version, and that its adapter
 * makes a network here. Nothing is changed.
 * @throws LichenError `pack-...` with the reason
 */
export function openAcceptable(
  backbone: Backbone,
  store: Store,
  trusted: readonly TrustedKey[],
  bytes: Uint8Array,
): AcceptablePack {
  const { manifest, adapter: encoded } = openPack(bytes, trusted);
  checkAcceptable(manifest, {
    backbone: backbone.id,
    task: (name) => {
      const task = store.tasks.get(name);
      if (!task) return undefined;
      const current = store.versions.current(name);
      return { classes: task.classes, closed: task.closedAt !== undefined, ...(current && { current }) };
    },
    version: (name, number) => store.versions.numbered(name, number),
  });
  const adapter = decodeAdapter(encoded);
  if (String(adapter.head.classes) !== String(manifest.classes) || adapter.isolation !== manifest.isolation) {
    throw new LichenError(
      'pack-malformed',
      `the adapter of pack '${manifest.task}' is not the one its manifest describes`,
    );
  }
  const isolation = deployableNamed(adapter.isolation);
  const earlier = earlierAdapters(store.versions, manifest.requires);
  const deployed = deployModel(isolation, { crown: backbone.crown, earlier }, adapter);
  return { manifest, encoded, deployed };
}

/**
 * Installs a pack: it is checked, the adapter is run on the probes and on the device's own held-out samples, and kept as
 * a version. It becomes current unless what the task runs now answers those samples better.
 * @throws LichenError `pack-...` with the reason, or `version-number-taken` where the device has another version
 *   of that number; nothing is changed then
 */
export async function installPack(
  engine: Engine,
  backbone: Backbone,
  store: Store,
  memory: ReplayMemory,
  trusted: readonly TrustedKey[],
  bytes: Uint8Array,
): Promise<Installed> {
  // Proves that the adapter makes a network on this backbone before anything is written.
  const { manifest, encoded, deployed } = openAcceptable(backbone, store, trusted, bytes);
  const digest = await digestOf(engine, deployed, backbone.latentCodec);
  const { task: name, classes, requires, metrics } = manifest;
  const version = store.database.transaction(() => {
    // Here already: rolled back from, not better at that time, or the device stopped before it was judged.
    const same = store.versions.numbered(name, manifest.version);
    if (same?.sha256 === manifest.adapter.sha256) return same;
    if (!store.tasks.get(name)) {
      const isolation = manifest.isolation === 'frozen' ? 'piggyback' : manifest.isolation;
      store.tasks.create({ name, isolation, backbone: backbone.id, classes });
    } else for (const label of classes) store.tasks.addClass(name, label);
    return store.versions.add({
      task: name,
      source: 'pack',
      isolation: manifest.isolation,
      classes,
      requires,
      adapter: encoded,
      metrics,
      digest,
      number: manifest.version,
    });
  })();
  const outcome = await judge(engine, backbone, store, memory, version);
  if (outcome.promoted) store.versions.promote(name, version.id, outcome.reason);
  return { task: name, version, ...outcome, sameDigest: digest === manifest.digest };
}

/** Compares an installed version with what the task runs now, on the device's own held-out samples. */
async function judge(
  engine: Engine,
  backbone: Backbone,
  store: Store,
  memory: ReplayMemory,
  version: Version,
): Promise<{ promoted: boolean; reason: string; accuracy: number | null }> {
  const task = store.tasks.require(version.task);
  const samples = memory.refs({ task: task.name, heldOut: true }).map(
    (r): LabelledLatent => ({
      latent: memory.read(r),
      label: task.classes.indexOf(r.label),
      heldOut: true,
      fresh: false,
    }),
  );
  if (samples.length === 0) {
    return {
      promoted: true,
      reason: 'installed from a pack; no held-out sample of its own here',
      accuracy: null,
    };
  }
  const accuracy = await heldOutAccuracy(engine, backbone, store, task, version, samples);
  const current = store.versions.current(task.name);
  const now = current
    ? await heldOutAccuracy(engine, backbone, store, task, current, samples)
    : await instantAccuracy(engine, backbone, store, task, samples);
  const share = (v: number) => `${(100 * v).toFixed(1)} %`;
  const runs = current ? `version ${current.number}` : 'the instant answer';
  const comparison = `${share(accuracy)} on ${samples.length} held-out samples, ${runs} ${share(now)}`;
  return { promoted: accuracy >= now, reason: `pack: ${comparison}`, accuracy };
}
