import { afterAll, beforeAll, expect, it } from 'vitest';
import { StreamingDiscriminant } from '../../src/learn/streaming/slda.js';
import { isHeldOut } from '../../src/replay/held-out.js';
import { scratchFolder } from '../store/scratch.js';
import { latentsOf, type Photograph, photographs } from './pictures.js';
import { type Bedrock, openBedrock, Rooms } from './rooms.js';

const scratch = scratchFolder();
let bedrock: Bedrock;
let pictures: Photograph[];
let latents: Uint8Array[];

beforeAll(async () => {
  bedrock = await openBedrock();
  pictures = ['bag', 'sandal'].flatMap((label) =>
    photographs(label, 8)
      .filter((p) => !isHeldOut(p.id))
      .slice(0, 5),
  );
  latents = await latentsOf(bedrock.backbone, bedrock.trunk, pictures);
});
afterAll(() => bedrock.trunk.close());

const open = () => Rooms.open(bedrock, scratch.path('store'));
const saved = (rooms: Rooms) => StreamingDiscriminant.decode(rooms.store.discriminants.load('goods')!.state);
/** How the program ends when the power fails: nothing is saved. */
async function crash(rooms: Rooms): Promise<void> {
  await rooms.discriminants.close();
  rooms.memory.close();
  rooms.store.close();
}

it('knows nothing of a task that it has not seen, and saves only what changed', async () => {
  const rooms = await open();
  expect(rooms.discriminants.get('goods')).toBeUndefined();
  await rooms.discriminants.add([]);
  rooms.discriminants.save();
  await rooms.keep('goods', pictures, latents);
  rooms.discriminants.save();
  const { updatedAt } = rooms.store.discriminants.load('goods')!;
  rooms.store.discriminants.save('goods', saved(rooms).encode(), updatedAt + 1);
  rooms.discriminants.save();
  expect(rooms.store.discriminants.load('goods')!.updatedAt).toBe(updatedAt + 1);
  await rooms.close();
});

it('takes what came after the last save from the memory, once: a crash costs no answer', async () => {
  let rooms = await open();
  await rooms.keep('goods', pictures.slice(0, 4), latents.slice(0, 4));
  rooms.discriminants.save();
  await new Promise((resolve) => setTimeout(resolve, 2));
  await rooms.keep('goods', pictures.slice(4), latents.slice(4));
  await crash(rooms);
  for (let start = 0; start < 3; start++) {
    rooms = await open();
    expect(rooms.discriminants.get('goods')!.samples).toBe(10);
    if (start === 1) rooms.discriminants.save();
    await crash(rooms);
  }
  // It answers as one that took everything in without a crash.
  rooms = await open();
  const whole = await Rooms.open(bedrock, scratch.path('whole'));
  await whole.keep('goods', pictures, latents);
  const [a, b] = [
    await rooms.discriminants.get('goods')!.head(),
    await whole.discriminants.get('goods')!.head(),
  ];
  expect(a.classes).toEqual(b.classes);
  const apart = a.weight.map((w, i) => Math.abs(w - b.weight[i]!));
  expect(Math.max(...apart)).toBeLessThan(1e-2 * Math.max(...a.weight.map(Math.abs)));
  await rooms.close();
  await whole.close();
});

it('loses no sample that the memory takes while the state is saved', async () => {
  let rooms = await open();
  await rooms.keep('goods', pictures.slice(0, 9), latents.slice(0, 9));
  const last = pictures[9]!;
  // As the intake does: into the memory first, then into the discriminant, with a save in between.
  const at = Date.now();
  const sample = { id: last.id, task: 'goods', label: last.label, heldOut: false, at, latent: latents[9]! };
  rooms.memory.add(sample);
  const adding = rooms.discriminants.add([sample]);
  rooms.discriminants.save();
  expect(saved(rooms).samples).toBe(9);
  await adding;
  await crash(rooms);
  rooms = await open();
  expect(rooms.discriminants.get('goods')!.samples).toBe(10);
  await rooms.close();
});

it('keeps the shrinkage and the temperature that held-out samples chose', async () => {
  let rooms = await open();
  await rooms.keep('goods', pictures, latents);
  rooms.discriminants.tune('goods', { shrinkage: 0.37, temperature: 1.5 });
  rooms.discriminants.tune('never-seen', { shrinkage: 0.5, temperature: 1 });
  rooms.discriminants.save();
  await rooms.close();
  rooms = await open();
  expect(rooms.discriminants.get('goods')).toMatchObject({ shrinkage: 0.37, temperature: 1.5, samples: 10 });
  rooms.discriminants.tune('goods', { shrinkage: null, temperature: 2 });
  expect(rooms.discriminants.get('goods')).toMatchObject({ shrinkage: 0.37, temperature: 2 });
  await rooms.close();
});

it('leaves a closed task with what was saved', async () => {
  let rooms = await open();
  await rooms.keep('goods', pictures.slice(0, 6), latents.slice(0, 6));
  rooms.discriminants.save();
  await rooms.keep('goods', pictures.slice(6), latents.slice(6));
  rooms.store.tasks.close('goods');
  rooms.discriminants.save();
  await crash(rooms);
  rooms = await open();
  expect(rooms.discriminants.get('goods')!.samples).toBe(6);
  await rooms.close();
});

it('forgets what was taken out, though the power failed before it was saved', async () => {
  let rooms = await open();
  await rooms.keep('goods', pictures, latents);
  rooms.discriminants.tune('goods', { shrinkage: 0.37, temperature: 1.5 });
  rooms.discriminants.save();
  // As taking out a label does: out of the memory first, then out of the discriminant.
  const { id, label } = pictures[9]!;
  rooms.memory.remove(id);
  rooms.memory.flush();
  await rooms.discriminants.remove([{ task: 'goods', label, latent: latents[9]! }]);
  expect(rooms.discriminants.get('goods')!.samples).toBe(9);
  await crash(rooms);
  // What lies on the disk has ten still.
  for (let start = 0; start < 3; start++) {
    rooms = await open();
    const { classes, counts, shrinkage } = rooms.discriminants.get('goods')!;
    expect(Object.fromEntries(classes.map((c, k) => [c, counts[k]]))).toEqual({ bag: 5, sandal: 4 });
    expect(shrinkage).toBe(0.37);
    if (start > 0) rooms.discriminants.save();
    expect(saved(rooms).samples).toBe(start > 0 ? 9 : 10);
    await crash(rooms);
  }
  // It answers as one that never saw it.
  rooms = await open();
  const whole = await Rooms.open(bedrock, scratch.path('whole'));
  await whole.keep('goods', pictures.slice(0, 9), latents.slice(0, 9));
  const { temperature } = rooms.discriminants.get('goods')!;
  whole.discriminants.tune('goods', { shrinkage: 0.37, temperature });
  // Fitted for ten, it is a little higher for nine.
  expect(temperature).toBeGreaterThan(1.5);
  expect(temperature).toBeLessThan(1.6);
  const [a, b] = [
    await rooms.discriminants.get('goods')!.head(),
    await whole.discriminants.get('goods')!.head(),
  ];
  const own = (k: number) => b.classes.indexOf(a.classes[Math.floor(k / a.features)]!) * a.features;
  const apart = a.weight.map((w, k) => Math.abs(w - b.weight[own(k) + (k % a.features)]!));
  expect(Math.max(...apart)).toBeLessThan(1e-2 * Math.max(...a.weight.map(Math.abs)));
  await rooms.close();
  await whole.close();
});

it('goes on from what was saved where nothing was taken out since', async () => {
  let rooms = await open();
  await rooms.keep('goods', pictures, latents);
  const { label } = pictures[9]!;
  rooms.memory.remove(pictures[9]!.id);
  rooms.memory.flush();
  await rooms.discriminants.remove([{ task: 'goods', label, latent: latents[9]! }]);
  rooms.discriminants.tune('goods', { shrinkage: 0.37, temperature: 1.5 });
  rooms.discriminants.save();
  await crash(rooms);
  rooms = await open();
  expect(rooms.discriminants.get('goods')).toMatchObject({ samples: 9, shrinkage: 0.37 });
  await rooms.close();
});
