import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { firstIsolation, GROWTH_DEFAULTS } from '../src/agent/growth.js';
import { keepDiscriminant } from '../src/agent/keep-discriminant.js';
import { rememberedSamples } from '../src/agent/learner-samples.js';
import { openMemory } from '../src/agent/open-memory.js';
import { trainTask } from '../src/agent/train-task.js';
import { Backbone } from '../src/backbone/backbone.js';
import { encodeLatent } from '../src/backbone/latent.js';
import { defaultManifest } from '../src/backbone/manifest.js';
import { LichenError } from '../src/errors.js';
import { deviceMethod, isLearner } from '../src/learn/device-method.js';
import type { Samples } from '../src/learn/samples.js';
import { LEARNER_TRAINING_DEFAULTS } from '../src/learn/sequence/kept-learner.js';
import type { SequenceTask } from '../src/learn/sequence/task.js';
import { Recognizer } from '../src/recognize/recognizer.js';
import { HELD_OUT_FRACTION, isHeldOut } from '../src/replay/held-out.js';
import { openStore } from '../src/store/store.js';
import { backboneTasks, type Sources } from './continual/backbone-tasks.js';

const MIB = 2 ** 20;

export interface DeviceMethodsOptions {
  methods: readonly string[];
  /** Of the replay memory; MiB. */
  caps: readonly number[];
  seed: number;
  epochs: number;
}

/** What a device with a cap comes to that learned four tasks one after the other by one method. */
export interface DeviceMethodsRow {
  method: string;
  /** MiB */
  cap: number;
  /** Why the method was refused; null where it was not. What was measured before stays. */
  refused: string | null;
  /** Accuracy on test pictures of every task by what it runs after the last task, its instant answer included. */
  accuracy: Record<string, number>;
  /** Tasks that run a version, and not their instant answer. */
  trained: string[];
  mean: number | null;
  /** Bytes of the cap that the method takes, and samples that are left. */
  reservedBytes: number;
  samples: number;
  /** Bytes of what the tasks run. */
  adapterBytes: number;
  seconds: number;
}

/** The backbone sequence as a device learns it, by every method under every cap: all it learns from is what the memory holds. */
export async function measureDeviceMethods(
  { methods, caps, seed, epochs }: DeviceMethodsOptions,
  sources: Sources,
): Promise<DeviceMethodsRow[]> {
  const tasks = await backboneTasks(seed, sources);
  const backbone = await Backbone.open(defaultManifest(), sources.engine);
  const rows: DeviceMethodsRow[] = [];
  for (const cap of caps) {
    for (const method of methods) {
      sources.say(`${method} under ${cap} MiB`);
      rows.push(await measureOne({ method, cap, seed, epochs }, tasks, backbone, sources));
    }
  }
  return rows;
}

async function measureOne(
  { method: name, cap, seed, epochs }: { method: string; cap: number; seed: number; epochs: number },
  tasks: readonly SequenceTask[],
  backbone: Backbone,
  { engine, say }: Sources,
): Promise<DeviceMethodsRow> {
  const folder = mkdtempSync(join(tmpdir(), 'lichen-bench-'));
  const store = openStore(folder);
  const memory = openMemory(store, backbone, { capBytes: cap * MIB, seed });
  const method = deviceMethod(name);
  const isolation = firstIsolation(method.isolation);
  const begun = performance.now();
  let refused: string | null = null;
  try {
    for (const { name: task, train, classes } of tasks) {
      const labels = classes.map(String);
      store.tasks.create({ name: task, isolation, backbone: backbone.id, classes: labels });
      latentsOf(train, backbone).forEach((latent, i) => {
        const id = createHash('sha256').update(latent).digest('hex').slice(0, 32);
        const heldOut = isHeldOut(id, HELD_OUT_FRACTION);
        memory.add({ id, task, label: String(train.labels[i]!), heldOut, at: i, latent });
      });
      memory.flush();
      const made = store.tasks.require(task);
      const samples = rememberedSamples(memory, made);
      const { rate, forgetting } = LEARNER_TRAINING_DEFAULTS;
      const trained = await trainTask(engine, backbone, store, made, samples, {
        ...{ isolation, rehearsal: 'er', memory, learner: { epochs, seed } },
        ...(method.isolation === 'auto' && { growth: GROWTH_DEFAULTS }),
        ...(isLearner(isolation) && { shared: { method, settings: {}, memory, rate, forgetting } }),
        onInstant: (instant, training) => keepDiscriminant({ engine, store }, made, instant, training),
      });
      say(`${name} under ${cap} MiB: ${task}: ${trained.reason}`);
    }
  } catch (error) {
    if (!(error instanceof LichenError)) throw error;
    refused = error.message;
  }
  const seconds = (performance.now() - begun) / 1000;
  const recognizer = new Recognizer(engine, backbone, store);
  try {
    const accuracy: Record<string, number> = {};
    for (const { name: task, test } of tasks) {
      if (!store.tasks.get(task) || (!store.versions.current(task) && !store.discriminants.load(task)))
        continue;
      const answers = await recognizer.classify(latentsOf(test, backbone), task);
      const right = answers.filter((a, i) => a.label === String(test.labels[i]!));
      accuracy[task] = right.length / test.count;
    }
    const found = Object.values(accuracy);
    const current = tasks.flatMap(
      ({ name: task }) => (store.tasks.get(task) && store.versions.current(task)) || [],
    );
    const { reservedBytes, samples } = memory.stats();
    return {
      ...{ method: name, cap, refused, accuracy, trained: current.map((v) => v.task) },
      mean: found.length === tasks.length ? found.reduce((a, b) => a + b, 0) / found.length : null,
      ...{ reservedBytes, samples, seconds },
      adapterBytes: current.reduce((sum, v) => sum + v.adapterBytes, 0),
    };
  } finally {
    await recognizer.forget();
    memory.close();
    store.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Samples as latents of bytes, as a device keeps them. */
function latentsOf(samples: Samples, { latentCodec }: Backbone): Uint8Array[] {
  const values = new Float32Array(samples.width);
  return Array.from({ length: samples.count }, (_, i) => {
    samples.read(i, values, 0);
    return encodeLatent(values, latentCodec);
  });
}
