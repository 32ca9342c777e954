import type { Backbone } from '../backbone/backbone.js';
import type { Engine } from '../engine/engine.js';
import { decodeAdapter, encodeAdapter, type Head } from '../learn/adapter.js';
import type { LabelledLatent } from '../learn/candidate.js';
import { type DeviceMethod, methodName } from '../learn/device-method.js';
import { digestOf } from '../learn/digest.js';
import { bestHead, chooseHead, type Described, storedHead } from '../learn/head.js';
import { TaskNetwork } from '../learn/network.js';
import type { TaskNetworkParts } from '../learn/sequence/continual-learner.js';
import type { LearnerKey } from '../learn/sequence/kept-learner.js';
import type { LearnerClass } from '../learn/sequence/learner-state.js';
import type { ReplayMemory } from '../replay/memory.js';
import type { Store } from '../store/store.js';
import type { Task } from '../store/tasks.js';
import type { NewVersion, Version } from '../store/versions.js';
import { heldOutAccuracy } from './held-out-accuracy.js';
import { deployLearned, type LearnerNetwork, learnerNetwork } from './learner-network.js';
import { rememberedSamples } from './learner-samples.js';

/** A task whose network changed because another one was trained. */
export interface Affected {
  task: string;
  /** Id of the version that it runs. */
  runs: number;
  /** Held-out samples that the replay memory holds of it. */
  heldOutSamples: number;
  /** Accuracy on them of what it runs, and of what it would run; null where there are none. */
  before: number | null;
  after: number | null;
  /** The task's next version, beside the version of the task that was trained. */
  version(trained: Version): NewVersion;
}

/** What a training left, and what it worked with. */
export interface LearnerOutcome {
  engine: Engine;
  backbone: Backbone;
  store: Store;
  memory: ReplayMemory;
  method: DeviceMethod;
  seed: number;
  key: LearnerKey;
  classes: readonly LearnerClass[];
  /** Names of the learner's tasks, oldest first; the last is the one that was trained. */
  names: readonly string[];
  networks: readonly TaskNetworkParts[];
}

/** What becomes of the other open tasks that run networks of a learner. */
export async function affectedTasks(outcome: LearnerOutcome): Promise<Affected[]> {
  const { store, names, key } = outcome;
  const affected: Affected[] = [];
  for (const name of new Set(names.slice(0, -1))) {
    const task = store.tasks.require(name);
    const current = store.versions.current(name);
    if (name === names.at(-1) || task.closedAt !== undefined || current?.metrics.learner !== key) continue;
    affected.push(await affectedTask(outcome, task, current));
  }
  return affected;
}

async function affectedTask(outcome: LearnerOutcome, task: Task, current: Version): Promise<Affected> {
  const { engine, backbone, store, memory, method, key, names, networks } = outcome;
  const place = names.lastIndexOf(task.name);
  const network = learnerNetwork(key, backbone.crown, networks, place);
  const classes = networks[place]!.classes.map((c) => outcome.classes[c]!.label);
  // A class that came since the task was trained has no output.
  const remembered = rememberedSamples(memory, task).filter((s) => classes.includes(task.classes[s.label]!));
  const relabelled = remembered.map((s) => ({ ...s, label: classes.indexOf(task.classes[s.label]!) }));
  const kept = decodeAdapter(store.versions.adapter(current.id)).head;
  const { head, after } = await headFor(outcome, network, classes, kept, relabelled);
  const heldOutSamples = remembered.filter((s) => s.heldOut).length;
  const before =
    heldOutSamples === 0 ? null : await heldOutAccuracy(engine, backbone, store, task, current, remembered);
  const digest = await digestOf(engine, deployLearned(network, head), backbone.latentCodec);
  const isShared = network.isolation.name === 'shared';
  return {
    ...{ task: task.name, runs: current.id, heldOutSamples, before, after },
    version: (trained) => ({
      ...{ task: task.name, source: 'trained', isolation: current.isolation, classes, digest },
      requires: isShared ? [{ task: trained.task, version: trained.number, sha256: trained.sha256 }] : [],
      adapter: encodeAdapter({
        isolation: network.isolation.name,
        tensors: isShared ? new Map() : network.tensors,
        head,
      }),
      metrics: {
        ...current.metrics,
        ...(after !== null && { heldOutAccuracy: after, heldOutSamples }),
        ...{ head: head.kind, method: methodName(method), changedBy: trained.task },
      },
    }),
  };
}

/**
 * The head of a task on its changed network: what it has, what the network's own softmax layer is by now, and, where
 * samples are rehearsed, what they give anew; the best on held-out samples.
 */
async function headFor(
  { engine, backbone, method, seed }: LearnerOutcome,
  network: LearnerNetwork,
  classes: readonly string[],
  kept: Head,
  samples: readonly LabelledLatent[],
): Promise<{ head: Head; after: number | null }> {
  const { weight, bias } = network.head;
  const softmax: Head = { kind: 'softmax', classes, weight, bias, features: weight.length / bias.length };
  const same = String(kept.classes) === String(classes);
  const heldOut = samples.filter((s) => s.heldOut);
  const rehearsed = method.rehearsal === 'none' ? [] : samples.filter((s) => !s.heldOut);
  const canFit = classes.every((_, c) => rehearsed.some((s) => s.label === c));
  const opened = await TaskNetwork.open(engine, deployLearned(network), backbone.latentCodec);
  try {
    const describe = async (part: readonly LabelledLatent[]): Promise<Described> => ({
      ...(await opened.describe(part.map((s) => s.latent))),
      labels: part.map((s) => s.label),
    });
    const judged = await describe(heldOut);
    const refitted = async () =>
      (await chooseHead(await describe(rehearsed), judged, classes, opened.blocks, undefined, seed)).head;
    if (heldOut.length === 0) {
      const asItIs = same && kept.kind === 'discriminant' ? kept : storedHead(softmax);
      return { head: canFit ? await refitted() : asItIs, after: null };
    }
    const heads = [...(same ? [kept] : []), softmax, ...(canFit ? [await refitted()] : [])];
    const { head, accuracy } = bestHead(heads, judged);
    return { head, after: accuracy };
  } finally {
    await opened.close();
  }
}
