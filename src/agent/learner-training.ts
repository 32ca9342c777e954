import type { Backbone } from '../backbone/backbone.js';
import type { Engine } from '../engine/engine.js';
import { LichenError } from '../errors.js';
import { encodeAdapter } from '../learn/adapter.js';
import { type Candidate, candidate, checkClasses, fitHead, type LabelledLatent } from '../learn/candidate.js';
import { type DeviceMethod, methodName } from '../learn/device-method.js';
import { digestOf } from '../learn/digest.js';
import type { Progress } from '../learn/learner.js';
import type { LearnerOptions } from '../learn/learner-options.js';
import type { KeptLearner, LearnerState, SequenceOptions } from '../learn/sequence/continual-learner.js';
import { type LearnerKey, learnerOf, openKeptLearner } from '../learn/sequence/kept-learner.js';
import {
  decodeState,
  encodeState,
  type KeptState,
  type LearnerClass,
  type LearnerVersion,
} from '../learn/sequence/learner-state.js';
import type { MethodSettings } from '../learn/sequence/settings.js';
import type { ReplayMemory } from '../replay/memory.js';
import { sealedBytes } from '../store/learner-states.js';
import type { Store } from '../store/store.js';
import type { Isolation, Task } from '../store/tasks.js';
import type { NewVersion } from '../store/versions.js';
import { bytesKeptForLearning } from './kept-for-learning.js';
import { deployLearned, learnerNetwork } from './learner-network.js';
import { learnerSamples, rememberedSamples } from './learner-samples.js';
import { type Affected, affectedTasks } from './learner-tasks.js';

/** What a training by a learner of several tasks is told. */
export interface LearnerTrainingOptions {
  method: DeviceMethod;
  settings: MethodSettings;
  /** Holds the samples of all tasks, and shares its cap with what the learner keeps. */
  memory: ReplayMemory;
  /** Learning rate of Adam. */
  rate: number;
  /** How much held-out accuracy a task of the same network may lose by the training of another, from 0 to 1. */
  forgetting: number;
}

/** What a training works with. */
export interface LearnerRoom {
  engine: Engine;
  backbone: Backbone;
  store: Store;
  task: Task;
  samples: readonly LabelledLatent[];
  options: LearnerTrainingOptions;
  learner: LearnerOptions;
  onProgress?: ((p: Progress) => void | Promise<void>) | undefined;
  signal?: AbortSignal | undefined;
}

/** A trained task before anything is written. */
export interface LearnerTrained {
  key: LearnerKey;
  candidate: Candidate;
  /** The version as it would be. */
  version: NewVersion;
  /** Other tasks whose network has changed with it. */
  affected: Affected[];
  /** What the learner goes on from where the version is promoted. */
  state(own: LearnerVersion): Uint8Array;
  /** Bytes of the replay memory's cap that are then not for samples. */
  reserved: number;
}

/** A run keeps its thread: with more steps whoever waits for an answer would wait too long. */
const STEPS_AT_ONCE = 2;

/** As long as a version's name is at most: what a state takes is known before its version is written. */
const LONGEST: Omit<LearnerVersion, 'task'> = { version: Number.MAX_SAFE_INTEGER, sha256: 'f'.repeat(64) };

/**
 * Trains a task with the learner that it has in common with others: what that kept is taken up, samples of earlier
 * tasks are what the replay memory holds. Nothing is written.
 * @throws LichenError `learn-no-samples`, `learn-diverged`, `learn-aborted`, and `replay-cap-too-small` where what the
 *   learner keeps does not fit beside the fewest samples
 */
export async function trainWithLearner(room: LearnerRoom): Promise<LearnerTrained> {
  const { engine, backbone, store, task, samples, options, learner: how } = room;
  const { method, settings, memory } = options;
  const start = performance.now();
  const data = { backbone, classes: task.classes, samples };
  checkClasses(data);
  const key = learnerOf(method)!;
  const saved = store.learnerStates.load(key);
  const before = saved && withoutRetrained(decodeState(saved.state), key, task.name);
  const classes = withClassesOf(task, before?.classes ?? []);
  const { crown, latentCodec: codec } = backbone;
  const sequence: SequenceOptions = {
    ...{ classes: classes.length, taskKnown: true, epochs: how.epochs, batch: how.batch },
    ...{ optimizer: 'adam', rate: options.rate, seed: how.seed, stepsAtOnce: STEPS_AT_ONCE },
    ...{ freshOptimizer: true, precision: 'half' },
    ...(how.threads !== undefined && { threads: how.threads }),
  };
  const learner = await openKeptLearner(method, { engine, crown, options: sequence, settings });
  try {
    if (before) learner.restore(before);
    const chain = before?.chain ?? [];
    const stateOf = (own: LearnerVersion) =>
      encodeState({ ...learner.state(), classes, chain: key === 'cpg' ? [...chain, own] : [] });
    const own = { name: task.name, classes: numbersOf(task, classes) };
    const reserved = () => {
      const { tasks, numbers, ...state } = learner.state();
      const learned = tasks.at(-1)?.name === task.name ? tasks : [...tasks, own];
      const last = { task: task.name, ...LONGEST };
      const longest = { ...state, tasks: learned, numbers: atTheirLongest(numbers), classes };
      const { length } = encodeState({ ...longest, chain: [...chain, last] });
      return bytesKeptForLearning(store, { learner: key }) + sealedBytes(length);
    };
    memory.checkReserve(reserved());
    learner.remember(
      (before?.tasks ?? []).map(({ name }) => {
        const earlier = store.tasks.require(name);
        // The network of a closed task is frozen, whatever becomes of this one.
        const held = earlier.closedAt === undefined ? rememberedSamples(memory, earlier) : [];
        const trained = held.filter((s) => !s.heldOut);
        return learnerSamples(trained, numbersOf(earlier, classes), codec);
      }),
    );
    const run = await learn(learner, room, numbersOf(task, classes));
    const needed = reserved();
    memory.checkReserve(needed);
    const networks = learner.networks();
    const network = learnerNetwork(key, crown, networks, networks.length - 1);
    const { isolation, context, tensors } = network;
    const chosen = await fitHead(engine, isolation, context, tensors, data, network.head, how);
    const trained = candidate(isolation.name, tensors, chosen, data, run, start);
    const outcome = { engine, backbone, store, memory, method, seed: how.seed, key, classes, networks };
    const names = learner.state().tasks.map((t) => t.name);
    const encoded = stateOf({ task: task.name, ...LONGEST });
    return {
      ...{ key, candidate: trained, reserved: needed },
      version: {
        ...{ task: task.name, source: 'trained', isolation: method.isolation as Isolation },
        ...{ classes: task.classes, requires: chain, adapter: encodeAdapter(trained.adapter) },
        metrics: { ...trained.metrics, method: methodName(method), learner: key },
        digest: await digestOf(engine, deployLearned(network, trained.adapter.head), codec),
      },
      // Earlier parts of a chain stay as they are.
      affected: key === 'cpg' ? [] : await affectedTasks({ ...outcome, names }),
      state: (own) => withLast(encoded, own),
    };
  } finally {
    await learner.close();
  }
}

/** Generators' places with as many digits as they may have. */
const atTheirLongest = (numbers: LearnerState['numbers']): LearnerState['numbers'] =>
  Object.fromEntries(Object.entries(numbers).map(([name, of]) => [name, of.map(() => 2 ** 32 - 1)]));

/** Learns the task; what there is to say of it. */
async function learn(learner: KeptLearner, room: LearnerRoom, numbers: readonly number[]) {
  const { samples, task, learner: how, backbone, signal, onProgress } = room;
  const shown = samples.filter((s) => !s.heldOut);
  const train = learnerSamples(shown, numbers, backbone.latentCodec);
  const losses: number[] = [];
  let steps = 0;
  await learner.learn(
    { name: task.name, train, test: train, classes: numbers },
    ({ task: _, ...progress }) => {
      if (signal?.aborted) throw new LichenError('learn-aborted', 'training was stopped before it ended');
      losses[progress.epoch - 1] = progress.loss;
      steps = progress.step;
      void onProgress?.(progress);
    },
  );
  return {
    ...{ seed: how.seed, epochs: losses.length, epochsAllowed: how.epochs, steps },
    ...{ ended: 'epochs' as const, losses, heldOutLosses: [] },
  };
}

/** A state with the version that it ends with. */
function withLast(encoded: Uint8Array, own: LearnerVersion): Uint8Array {
  const state = decodeState(encoded);
  return state.chain.length === 0
    ? encoded
    : encodeState({ ...state, chain: [...state.chain.slice(0, -1), own] });
}

/**
 * The state as a task's training begins with it. Where tasks share one network, a task that is trained again is its
 * last one; where networks are built on each other, what it added earlier stays below the others.
 */
function withoutRetrained(state: KeptState, key: LearnerKey, task: string): KeptState {
  if (key === 'den' || key === 'cpg') return state;
  return { ...state, tasks: state.tasks.filter(({ name }) => name !== task) };
}

/** All classes of a learner; new ones of a task come last, so that the others keep their numbers. */
function withClassesOf(task: Task, known: readonly LearnerClass[]): LearnerClass[] {
  const labels = new Set(known.filter((c) => c.task === task.name).map((c) => c.label));
  const added = task.classes.filter((label) => !labels.has(label));
  return [...known, ...added.map((label) => ({ task: task.name, label }))];
}

/** The numbers of a task's classes, in their order; those that the learner does not know are left out. */
function numbersOf({ name, classes }: Task, all: readonly LearnerClass[]): number[] {
  const numbers = new Map(all.flatMap((c, i) => (c.task === name ? [[c.label, i] as const] : [])));
  return classes.flatMap((label) => numbers.get(label) ?? []);
}
