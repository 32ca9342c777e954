import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { closeTask } from '../../src/agent/close-task.js';
import { trainTask } from '../../src/agent/train-task.js';
import { verifyStore } from '../../src/agent/verify.js';
import type { Version } from '../../src/store/versions.js';
import { latentsOf, type Photograph, splitPhotographs } from './pictures.js';
import { type Bedrock, openBedrock, Rooms } from './rooms.js';

const folder = mkdtempSync(join(tmpdir(), 'lichen-verify-'));
let bedrock: Bedrock;
let pictures: Photograph[];
let latents: Uint8Array[];
/** A store with a closed task on an instant answer, and an open one on a column that was trained. */
let rooms: Rooms;
let trained: Version;

beforeAll(async () => {
  bedrock = await openBedrock();
  pictures = ['bag', 'sandal'].flatMap((label) => splitPhotographs(label, 4, 0));
  latents = await latentsOf(bedrock.backbone, bedrock.trunk, pictures);
  rooms = await Rooms.open(bedrock, folder);
  const { engine, backbone } = bedrock;
  await rooms.keep('instant', pictures, latents);
  rooms.discriminants.save();
  await closeTask(engine, backbone, rooms.store, 'instant');
  rooms.store.tasks.create({
    name: 'column',
    isolation: 'pnn',
    backbone: backbone.id,
    classes: ['bag', 'sandal'],
  });
  const samples = rooms.samples('instant').map((s) => ({ ...s, heldOut: false }));
  const { version } = await trainTask(
    engine,
    backbone,
    rooms.store,
    rooms.store.tasks.require('column'),
    samples,
    {
      isolation: 'pnn',
      rehearsal: 'er',
      learner: { epochs: 1, batch: 8, seed: 1, threads: 1 },
    },
  );
  trained = version;
});
afterAll(async () => {
  await rooms.close();
  await bedrock.trunk.close();
  rmSync(folder, { recursive: true, force: true });
});
// What a test damages it repairs; here it shows whether that succeeded.
afterEach(async () => expect(await problems()).toEqual({ instant: null, column: null }));

const verify = (task?: string) => verifyStore(bedrock.engine, bedrock.backbone, rooms.store, task);
const problems = async () => Object.fromEntries((await verify()).map((v) => [v.task, v.problem]));

it('finds every version as it was recorded', async () => {
  expect(await verify()).toEqual([
    {
      task: 'instant',
      closed: true,
      version: 1,
      current: true,
      ok: true,
      digest: expect.stringMatching(/^[0-9a-f]{64}$/),
      problem: null,
    },
    {
      task: 'column',
      closed: false,
      version: 1,
      current: true,
      ok: true,
      digest: trained.digest,
      problem: null,
    },
  ]);
  expect(await verify('column')).toHaveLength(1);
  await expect(verify('none')).rejects.toMatchObject({ code: 'task-unknown' });
});

it('finds one flipped bit anywhere in an adapter', async () => {
  const adapter = rooms.store.versions.adapter(trained.id);
  const write = rooms.store.database.prepare('UPDATE versions SET adapter = ? WHERE id = ?');
  // Triggers of the schema keep versions from being changed by mistake; a failing card asks no trigger.
  dropTriggers();
  for (const at of [0, 9, adapter.length >> 1, adapter.length - 1]) {
    const copy = Uint8Array.from(adapter);
    copy[at]! ^= 1 << (at % 8);
    write.run(copy, trained.id);
    expect(await problems()).toEqual({ instant: null, column: expect.stringContaining('is damaged') });
  }
  write.run(adapter, trained.id);
});

it('finds answers that are not the recorded ones', async () => {
  const [closed] = rooms.store.versions.list('instant');
  const [other] = rooms.store.versions.list('column');
  dropTriggers();
  const write = rooms.store.database.prepare('UPDATE versions SET digest = ? WHERE id = ?');
  write.run(other!.digest!, closed!.id);
  const found = await problems();
  write.run(closed!.digest!, closed!.id);
  expect(found).toEqual({ instant: `its answers have the digest ${closed!.digest} now`, column: null });
});

it('says where no digest is on record', async () => {
  dropTriggers();
  const write = rooms.store.database.prepare('UPDATE versions SET digest = ? WHERE id = ?');
  write.run(null, trained.id);
  const found = await problems();
  write.run(trained.digest!, trained.id);
  expect(found).toEqual({ instant: null, column: 'no digest was recorded' });
});

function dropTriggers(): void {
  const triggers = rooms.store.database
    .prepare<{ name: string }>("SELECT name FROM sqlite_master WHERE type = 'trigger'")
    .all();
  for (const { name } of triggers) rooms.store.database.exec(`DROP TRIGGER ${name}`);
}
