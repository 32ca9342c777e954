import { writeSync } from 'node:fs';
import { join } from 'node:path';
import { rememberedSamples } from '../../src/agent/learner-samples.js';
import { openMemory } from '../../src/agent/open-memory.js';
import { trainTask } from '../../src/agent/train-task.js';
import { Backbone } from '../../src/backbone/backbone.js';
import { defaultManifest } from '../../src/backbone/manifest.js';
import { OrtEngine } from '../../src/engine/ort.js';
import { deviceMethod } from '../../src/learn/device-method.js';
import { openStore } from '../../src/store/store.js';

/**
 * A process that trains the tasks of a store in turn by one learner until it is killed. It prints `step` at every
 * report of a training and `promoted` with the number of trainings once one is written.
 */
const folder = process.argv[2]!;
const print = (line: unknown) => writeSync(1, `${JSON.stringify(line)}\n`);
const engine = new OrtEngine();
const backbone = await Backbone.open(defaultManifest(), engine);
const store = openStore(join(folder));
const memory = openMemory(store, backbone, { seed: 0 });
print({ open: store.learnerStates.list()[0]?.number ?? 0 });
for (let round = store.learnerStates.list()[0]?.number ?? 0; ; round++) {
  const tasks = store.tasks.list();
  const task = tasks[round % tasks.length]!;
  const samples = rememberedSamples(memory, task).filter((s) => !s.heldOut);
  const trained = await trainTask(engine, backbone, store, task, samples, {
    ...{ isolation: 'shared', rehearsal: 'er' },
    learner: { epochs: 1, batch: 16, seed: 0 },
    shared: { method: deviceMethod('ewc+er'), settings: {}, memory, rate: 3e-4, forgetting: 1 },
    onProgress: () => {
      print({ step: round });
    },
  });
  print({ promoted: trained.version.number, task: task.name });
}
