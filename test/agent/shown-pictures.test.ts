import { cpSync, mkdirSync } from 'node:fs';
import sharp from 'sharp';
import { afterEach, describe, expect, it } from 'vitest';
import { ShownPictures, shownPicture } from '../../src/agent/shown-pictures.js';
import { until } from '../link/until.js';
import { scratchFolder } from '../store/scratch.js';
import { Daemon } from './daemon.js';
import { photographs } from './pictures.js';

const scratch = scratchFolder();
let daemon: Daemon | undefined;
afterEach(async () => {
  await daemon?.stop();
  daemon = undefined;
});

/** A photograph as a camera writes it: large, lying on its side, with the place where it was taken. */
function fromCamera(bytes: Buffer): Promise<Buffer> {
  return sharp(bytes)
    .resize(1200, 800, { fit: 'fill' })
    .withExif({ IFD0: { ImageDescription: 'the house at 12 Main Street' }, IFD3: { GPSLatitudeRef: 'N' } })
    .withMetadata({ orientation: 6 })
    .jpeg()
    .toBuffer();
}

describe('a picture that is shown', () => {
  it('is a small JPEG, upright, without what the camera wrote into it', async () => {
    const [bag] = photographs('bag', 1);
    const large = await fromCamera(bag!.bytes);
    expect(large.includes('12 Main Street')).toBe(true);
    const small = await shownPicture(large);
    const { format, width, height, exif, orientation } = await sharp(small).metadata();
    expect({ format, width, height, exif, orientation }).toEqual({
      ...{ format: 'jpeg', width: 213, height: 320, exif: undefined, orientation: undefined },
    });
    expect(small.includes('Main Street')).toBe(false);
    expect(small.length).toBeLessThan(large.length);
  });

  it('is not enlarged, and stands on white where it is transparent', async () => {
    const clear = await sharp({
      create: { width: 20, height: 10, channels: 4, background: { r: 0, g: 0, b: 0, alpha: 0 } },
    })
      .png()
      .toBuffer();
    const { data, info } = await sharp(await shownPicture(clear))
      .raw()
      .toBuffer({ resolveWithObject: true });
    expect(info).toMatchObject({ width: 20, height: 10 });
    expect(Math.min(...data)).toBeGreaterThan(250);
  });

  it('gives way to a newer one while it has to wait, for each source by itself', async () => {
    const shown: { source: string; bytes: number }[] = [];
    const pictures = photographs('bag', 20).map((p) => p.bytes);
    const show = new ShownPictures(
      (source, jpeg) => shown.push({ source, bytes: jpeg.length }),
      (error) => {
        throw error;
      },
      50,
    );
    for (const picture of pictures) show.show('door', picture);
    show.show('yard', pictures[3]!);
    await until(() => shown.length === 3);
    const size = async (i: number) => (await shownPicture(pictures[i]!)).length;
    expect(shown.filter((s) => s.source === 'door').map((s) => s.bytes)).toEqual([
      await size(0),
      await size(19),
    ]);
    expect(shown.filter((s) => s.source === 'yard').map((s) => s.bytes)).toEqual([await size(3)]);
    show.show('door', pictures[5]!);
    show.stop();
    show.show('door', pictures[6]!);
    expect(shown).toHaveLength(3);
  });
});

/** A device that was taught, and shown one picture without a label. */
async function answering(homeAssistant: Record<string, unknown>): Promise<Buffer[]> {
  for (const label of ['bag', 'sandal']) {
    mkdirSync(scratch.path('in', 'goods', label), { recursive: true });
    for (const { file, id } of photographs(label, 3))
      cpSync(file, scratch.path('in', 'goods', label, `${id}.png`));
  }
  daemon = await Daemon.start(scratch.path('store'), {
    sources: [
      { kind: 'directory', name: 'belt', path: scratch.path('in'), layout: 'task/class', settle: '20 ms' },
    ],
    learn: { newLabels: 1000 },
    homeAssistant: { enabled: true, ...homeAssistant },
  });
  const { agent, observer } = daemon;
  await until(() => agent.store.seen.count() >= 6);
  const pictures: Buffer[] = [];
  observer.client.on('message', (topic, payload) => {
    if (topic === 'lichen/v1/cam/picture/belt') pictures.push(payload);
  });
  cpSync(photographs('bag', 1, { part: 'test' })[0]!.file, scratch.path('in', 'new.png'));
  await until(() => observer.messages.some((m) => m.topic === 'lichen/v1/cam/result/goods'));
  return pictures;
}

describe('a device in Home Assistant', () => {
  it('publishes the last picture that it answered where the owner wants it, and counts it', async () => {
    const pictures = await answering({ pictures: true });
    await until(() => pictures.length === 1);
    const { format, width } = await sharp(pictures[0]!).metadata();
    expect({ format, width }).toEqual({ format: 'jpeg', width: 28 });
    const counted = daemon!.agent.ledger.list().find((e) => e.kind === 'picture');
    expect(counted).toMatchObject({
      where: 'lichen/v1/cam/picture/<source>',
      messages: 1,
      bytes: pictures[0]!.length,
    });
    // Pictures that taught are not shown.
    expect(daemon!.observer.messages.filter((m) => m.topic.includes('/picture/'))).toHaveLength(1);
    expect(daemon!.observer.messages.find((m) => m.topic.includes('/picture/'))!.retain).toBe(false);
  });

  it('publishes none otherwise', async () => {
    await answering({});
    await daemon!.ask('status');
    expect(daemon!.observer.messages.filter((m) => m.topic.includes('/picture/'))).toEqual([]);
    expect(daemon!.agent.ledger.list().some((e) => e.kind === 'picture')).toBe(false);
  });
});
