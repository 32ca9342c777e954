import { readdirSync, readFileSync } from 'node:fs';
import sharp from 'sharp';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { Sealed } from '../../src/label/sealed.js';
import { shownPicture } from '../../src/label/shown.js';
import { Thumbnails } from '../../src/label/thumbnails.js';
import { keyFileOf, openStore, type Store } from '../../src/store/store.js';
import { photographs } from '../agent/pictures.js';
import { rejectionOf } from '../error-of.js';
import { scratchFolder } from '../store/scratch.js';

const scratch = scratchFolder();
let store: Store;
let thumbnails: Thumbnails;

const open = () => {
  store = openStore(scratch.path('store'));
  thumbnails = new Thumbnails(store.database, new Sealed(store.settings, keyFileOf(store.folder)));
};
beforeEach(open);
afterEach(() => store.close());

const pictures = photographs('bag', 3);
const broken = { id: 'e'.repeat(32), bytes: Buffer.from('no picture') };
const add = () => thumbnails.add([...pictures, broken].map(({ id, bytes }) => ({ sample: id, bytes })));

it('keeps a small picture of each that can be shown, over a restart', async () => {
  await add();
  store.close();
  open();
  expect(thumbnails.samples()).toEqual(new Set(pictures.map((p) => p.id)));
  const { count, bytes } = thumbnails.stats();
  expect(count).toBe(3);
  expect(bytes).toBeLessThan(3 * 4096);
  const { format, width, height } = await sharp(thumbnails.get(pictures[0]!.id)!).metadata();
  expect(format).toBe('jpeg');
  expect(Math.max(width, height)).toBeLessThanOrEqual(112);
  expect(thumbnails.get(broken.id)).toBeUndefined();
});

it('keeps them sealed', async () => {
  await add();
  const small = thumbnails.get(pictures[0]!.id)!;
  for (const name of readdirSync(store.folder)) {
    const file = readFileSync(scratch.path('store', name));
    expect(file.includes(small.subarray(-64))).toBe(false);
    expect(file.includes(small.subarray(0, 20))).toBe(false);
  }
});

it('lets go of those whose samples have gone', async () => {
  await add();
  const [first, second, third] = pictures.map((p) => p.id);
  thumbnails.remove(first!);
  thumbnails.prune((sample) => sample === third);
  expect(thumbnails.samples()).toEqual(new Set([third]));
  expect(thumbnails.get(second!)).toBeUndefined();
  thumbnails.prune(() => true);
  expect(thumbnails.stats().count).toBe(1);
});

it('shows large pictures upright and small enough, and says what is none', async () => {
  const turned = await sharp({ create: { width: 1600, height: 800, channels: 3, background: 'red' } })
    .withMetadata({ orientation: 6 })
    .jpeg()
    .toBuffer();
  expect(await sharp(await shownPicture(turned)).metadata()).toMatchObject({ width: 320, height: 640 });
  expect((await rejectionOf(shownPicture(broken.bytes))).code).toBe('picture-unreadable');
});
