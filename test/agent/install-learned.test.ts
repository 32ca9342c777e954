import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { installPack } from '../../src/agent/install.js';
import { trainTask } from '../../src/agent/train-task.js';
import { deviceMethod } from '../../src/learn/device-method.js';
import { generateKeys } from '../../src/pack/keys.js';
import { createPack } from '../../src/pack/pack.js';
import { Recognizer } from '../../src/recognize/recognizer.js';
import type { Isolation } from '../../src/store/tasks.js';
import type { Version } from '../../src/store/versions.js';
import { scratchFolder } from '../store/scratch.js';
import { latentsOf, type Photograph, splitPhotographs } from './pictures.js';
import { type Bedrock, openBedrock, Rooms } from './rooms.js';

const scratch = scratchFolder();
const keys = generateKeys();
const TASKS = { 'shoes-and-bags': ['bag', 'sandal'], tops: ['shirt', 'tshirt'] };
type Name = keyof typeof TASKS;
const NAMES = Object.keys(TASKS) as Name[];
const CAP = 16 * 2 ** 20;
let bedrock: Bedrock;
const seen = new Map<Name, { pictures: Photograph[]; latents: Uint8Array[] }>();

beforeAll(async () => {
  bedrock = await openBedrock();
  for (const name of NAMES) {
    const pictures = TASKS[name].flatMap((label) => splitPhotographs(label, 5, 2, name));
    seen.set(name, { pictures, latents: await latentsOf(bedrock.backbone, bedrock.trunk, pictures) });
  }
});
afterAll(() => bedrock.trunk.close());

/** Learns both tasks one after the other by one method; whatever is better, what was trained is run. */
async function learned(rooms: Rooms, name: string): Promise<void> {
  const { engine, backbone } = bedrock;
  const method = deviceMethod(name);
  const isolation = method.isolation as Isolation;
  for (const task of NAMES) {
    const { pictures, latents } = seen.get(task)!;
    await rooms.keep(task, pictures, latents, isolation);
    const { version } = await trainTask(
      engine,
      backbone,
      rooms.store,
      rooms.store.tasks.require(task),
      // Nothing is held out, so that there is nothing to be worse on.
      rooms.samples(task).filter((s) => !s.heldOut),
      {
        isolation,
        rehearsal: 'er',
        memory: rooms.memory,
        learner: { epochs: 1, batch: 8, seed: 1, threads: 1 },
        shared: { method, settings: {}, memory: rooms.memory, rate: 1e-3, forgetting: 1 },
      },
    );
    expect(rooms.store.versions.current(task)?.id).toBe(version.id);
  }
}

function packOf(
  rooms: Rooms,
  { task, classes, isolation, number, requires, digest, id }: Version,
): Uint8Array {
  const content = {
    ...{ task, classes: [...classes], isolation, version: number, digest: digest! },
    requires: requires.map((r) => ({ ...r })),
    backbone: bedrock.backbone.id,
    metrics: {},
    createdAt: '2026-08-01T12:00:00.000Z',
  };
  return createPack(content, rooms.store.versions.adapter(id), keys.signing);
}

/** The versions that a task runs, after all that they need. */
function inOrder(rooms: Rooms): Version[] {
  const { versions } = rooms.store;
  const ordered: Version[] = [];
  const add = (version: Version) => {
    if (ordered.some((v) => v.id === version.id)) return;
    for (const { task, version: number } of version.requires) add(versions.numbered(task, number)!);
    ordered.push(version);
  };
  for (const task of NAMES) add(versions.current(task)!);
  return ordered;
}

describe.each([
  { method: 'ags-cl+er', needs: true },
  { method: 'er', needs: true },
  { method: 'cpg', needs: true },
  // Every version holds its whole network.
  { method: 'den', needs: false },
])('packs of tasks learned by $method', ({ method, needs }) => {
  it('answer with the same bits on another device, and not before what they need is there', async () => {
    const maker = await Rooms.open(bedrock, scratch.path(`maker-${method}`), CAP);
    const taker = await Rooms.open(bedrock, scratch.path(`taker-${method}`), CAP);
    try {
      await learned(maker, method);
      const install = (version: Version) =>
        installPack(
          bedrock.engine,
          bedrock.backbone,
          taker.store,
          taker.memory,
          [keys.trusted],
          packOf(maker, version),
        );
      const ordered = inOrder(maker);
      const needy = ordered.find((v) => v.requires.length > 0);
      expect(needy !== undefined).toBe(needs);
      if (needy) await expect(install(needy)).rejects.toMatchObject({ code: 'pack-missing-requirement' });
      for (const version of ordered) {
        expect(await install(version)).toMatchObject({ promoted: true, sameDigest: true });
      }
      for (const task of NAMES) {
        const { latents } = seen.get(task)!;
        const [here, there] = [maker, taker].map(
          ({ store }) => new Recognizer(bedrock.engine, bedrock.backbone, store),
        );
        expect(await there!.classify(latents, task)).toEqual(await here!.classify(latents, task));
        await here!.close();
        await there!.close();
      }
    } finally {
      await maker.close();
      await taker.close();
    }
  });
});
