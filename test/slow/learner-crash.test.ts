import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { bytesKeptForLearning } from '../../src/agent/kept-for-learning.js';
import { openMemory } from '../../src/agent/open-memory.js';
import { verifyStore } from '../../src/agent/verify.js';
import { decodeState } from '../../src/learn/sequence/learner-state.js';
import { Random } from '../../src/random.js';
import { openStore } from '../../src/store/store.js';
import { latentsOf, photographs } from '../agent/pictures.js';
import { type Bedrock, openBedrock, Rooms } from '../agent/rooms.js';
import { spawnTypeScript } from '../spawn-typescript.js';
import { scratchFolder } from '../store/scratch.js';

const scratch = scratchFolder();
const PROGRAM = fileURLToPath(new URL('./learner-writer.ts', import.meta.url));
const CAP = 24 * 2 ** 20;
let bedrock: Bedrock;

beforeAll(async () => {
  bedrock = await openBedrock();
});
afterAll(() => bedrock.trunk.close());

it('a training killed at any moment leaves the learner, and all tasks of its network, before it or after it', async () => {
  const folder = scratch.path('store');
  const rooms = await Rooms.open(bedrock, folder, CAP);
  for (const [task, set, labels] of [
    ['goods', 'shoes-and-bags', ['bag', 'sandal']],
    ['tops', 'tops', ['coat', 'dress']],
  ] as const) {
    const pictures = labels.flatMap((label) => photographs(label, 16, { task: set }));
    const latents = await latentsOf(bedrock.backbone, bedrock.trunk, pictures);
    await rooms.keep(task, pictures, latents, 'shared');
  }
  rooms.discriminants.save();
  rooms.store.settings.set('replay-cap', String(CAP));
  await rooms.close();
  const random = new Random(3);
  let numberBefore = 0;
  for (let round = 0; round < 6; round++) {
    const child = spawnTypeScript(PROGRAM, [folder]);
    // Anywhere from the first step to well behind the first training's end.
    await child.line(round % 2 === 0 ? '{"promoted"' : '{"step"');
    await new Promise((resume) => setTimeout(resume, random.next() * 4000));
    child.child.kill('SIGKILL');
    await child.ended;
    const promoted = child.output().match(/"promoted"/g)?.length ?? 0;

    const store = openStore(folder);
    expect(store.database.pragma('integrity_check')).toBe('ok');
    const number = store.learnerStates.list()[0]?.number ?? 0;
    // What was announced is there; at most one training more had been written.
    expect([numberBefore + promoted, numberBefore + promoted + 1]).toContain(number);
    const trainings = store.tasks
      .list()
      .flatMap((t) => store.versions.history(t.name))
      .filter((p) => !p.reason.includes('its network changed'));
    expect(trainings).toHaveLength(number);
    if (number > 0) {
      const { tasks } = decodeState(store.learnerStates.load('shared')!.state);
      const last = tasks.at(-1)!.name;
      const crown = store.versions.current(last)!;
      expect(crown.requires).toEqual([]);
      for (const { name } of tasks.slice(0, -1)) {
        expect(store.versions.current(name)!.requires).toEqual([
          { task: last, version: crown.number, sha256: crown.sha256 },
        ]);
      }
      const results = await verifyStore(bedrock.engine, bedrock.backbone, store);
      expect(results.filter((r) => !r.ok)).toEqual([]);
    }
    const memory = openMemory(store, bedrock.backbone, { seed: 0 });
    expect(memory.stats().reservedBytes).toBe(bytesKeptForLearning(store));
    expect(memory.stats().usedBytes).toBeLessThanOrEqual(CAP);
    expect(memory.stats().damagedSlots).toBe(0);
    memory.close();
    store.close();
    numberBefore = number;
  }
  expect(numberBefore).toBeGreaterThan(2);
});
