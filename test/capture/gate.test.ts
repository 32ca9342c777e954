import sharp from 'sharp';
import { beforeAll, describe, expect, it } from 'vitest';
import { Counters } from '../../src/capture/counters.js';
import { Gate, type GateOptions } from '../../src/capture/gate.js';
import { hammingDistance, perceptualHash } from '../../src/capture/perceptual-hash.js';
import { laplacianVariance } from '../../src/capture/sharpness.js';
import { smallPicture } from '../../src/capture/small-picture.js';
import { AlwaysTrigger } from '../../src/capture/triggers/always.js';
import { IntervalTrigger } from '../../src/capture/triggers/interval.js';
import { MotionTrigger } from '../../src/capture/triggers/motion.js';
import type { Meaning, Trigger } from '../../src/capture/triggers/trigger.js';
import { Random } from '../../src/random.js';
import { scene } from './scenes.js';

let pictures: Buffer[];
beforeAll(async () => {
  pictures = await Promise.all([0, 1, 2].map((i) => scene(i)));
});

/** A picture as a sensor gives it once more: other noise, and another exposure. */
async function again(picture: Buffer, seed: number, { gain = 1, sigma = 3 } = {}): Promise<Buffer> {
  const { data, info } = await sharp(picture).raw().toBuffer({ resolveWithObject: true });
  const random = new Random(seed);
  const noisy = Buffer.from(
    data.map((v) => Math.max(0, Math.min(255, v * gain + sigma * 3.4 * (random.next() - 0.5)))),
  );
  return sharp(noisy, { raw: { width: info.width, height: info.height, channels: 3 } })
    .jpeg()
    .toBuffer();
}

/** A picture with a grey square on it; pixels. */
function withSquare(picture: Buffer, left: number, top: number, side: number): Promise<Buffer> {
  const square = { create: { width: side, height: side, channels: 3 as const, background: '#808080' } };
  return sharp(picture)
    .composite([{ input: square, left, top }])
    .jpeg({ quality: 95 })
    .toBuffer();
}

const blur = (picture: Buffer, sigma: number) => sharp(picture).blur(sigma).jpeg().toBuffer();

/** Somebody asks. */
class Asked implements Trigger {
  meaning: Meaning | undefined;

  get asked(): boolean {
    return this.meaning !== undefined;
  }

  due(): boolean {
    return this.asked;
  }

  done(): void {
    this.meaning = undefined;
  }
}

function open(options: Partial<GateOptions> = {}) {
  const counters = new Counters('door', 'ffmpeg');
  const gate = new Gate(
    { triggers: [new AlwaysTrigger()], crop: false, duplicates: false, blurred: false, ...options },
    counters,
  );
  return { gate, count: () => counters.get() };
}

describe('duplicates', () => {
  it('are dropped and counted, with other noise and exposure, too', async () => {
    const { gate, count } = open({ duplicates: 4 });
    const stream = [
      pictures[0]!,
      pictures[0]!,
      await again(pictures[0]!, 1),
      await again(pictures[0]!, 2, { gain: 0.94 }),
      pictures[1]!,
      await again(pictures[1]!, 3),
      pictures[0]!,
    ];
    const passed = [];
    for (const [i, p] of stream.entries()) if (await gate.consider(p, i)) passed.push(i);
    expect(passed).toEqual([0, 4, 6]);
    expect(count()).toMatchObject({ triggered: 7, duplicates: 4 });
  });

  it('are not what a small thing was added to, though the hash is all but the same', async () => {
    const changed = await withSquare(pictures[0]!, 20, 180, 24);
    const [a, b] = await Promise.all(
      [pictures[0]!, changed].map(async (p) => perceptualHash(await smallPicture(p))),
    );
    expect(hammingDistance(a!, b!)).toBeLessThanOrEqual(4);
    const { gate } = open({ duplicates: 4 });
    expect(await gate.consider(pictures[0]!, 0)).toBeDefined();
    expect(await gate.consider(changed, 1)).toBeDefined();
  });

  it('have hashes that are near, and other scenes hashes that are far', async () => {
    const hashes = await Promise.all(pictures.map(async (p) => perceptualHash(await smallPicture(p))));
    const noisy = perceptualHash(await smallPicture(await again(pictures[0]!, 4)));
    expect(hammingDistance(hashes[0]!, noisy)).toBeLessThanOrEqual(4);
    expect(hammingDistance(hashes[0]!, hashes[1]!)).toBeGreaterThan(8);
    expect(hammingDistance(hashes[1]!, hashes[2]!)).toBeGreaterThan(8);
  });
});

describe('blurred pictures', () => {
  it('vary less the more they are blurred', async () => {
    const variances = await Promise.all(
      [0.5, 1, 2, 4].map(async (s) => laplacianVariance(await smallPicture(await blur(pictures[0]!, s)))),
    );
    for (let i = 1; i < variances.length; i++) expect(variances[i]).toBeLessThan(variances[i - 1]! / 1.5);
  });

  it('are dropped and counted; what made them due is still to be seen', async () => {
    const { gate, count } = open({ blurred: 60, triggers: [new IntervalTrigger(1000)] });
    const blurred = await blur(pictures[0]!, 4);
    expect(await gate.consider(blurred, 0)).toBeUndefined();
    expect(await gate.consider(blurred, 50)).toBeUndefined();
    expect(await gate.consider(pictures[0]!, 100)).toBeDefined();
    expect(await gate.consider(pictures[0]!, 900)).toBeUndefined();
    expect(await gate.consider(pictures[0]!, 1100)).toBeDefined();
    expect(count()).toMatchObject({ triggered: 4, blurred: 2 });
  });
});

describe('what is usual for a camera', () => {
  it('tells a blurred picture without a number, and becomes another when the scene stays less sharp', async () => {
    const { gate, count } = open({ blurred: 'auto' });
    const passes = async (picture: Buffer, i: number) => (await gate.consider(picture, i)) !== undefined;
    const blurred = await blur(pictures[0]!, 4);
    // Nothing is known of the camera yet.
    expect(await passes(blurred, 0)).toBe(true);
    for (let i = 0; i < 12; i++) expect(await passes(pictures[i % 3]!, i)).toBe(true);
    expect(await passes(blurred, 20)).toBe(false);
    expect(await passes(pictures[1]!, 21)).toBe(true);
    expect(count().blurred).toBe(1);
    let dropped = 0;
    while (!(await passes(blurred, 30))) dropped += 1;
    expect(dropped).toBeGreaterThan(3);
    expect(dropped).toBeLessThan(12);
  });
});

describe('motion', () => {
  const motion = () => [new MotionTrigger({ area: 0.005, difference: 20 })];

  it('is a change of a part of the picture, and neither noise nor exposure', async () => {
    const { gate, count } = open({ triggers: motion() });
    const passed = [];
    const stream = [
      pictures[0]!,
      await again(pictures[0]!, 1),
      await again(pictures[0]!, 2, { gain: 0.9 }),
      await withSquare(pictures[0]!, 100, 100, 40),
      await withSquare(pictures[0]!, 100, 100, 40),
      pictures[0]!,
    ];
    for (const [i, p] of stream.entries()) if (await gate.consider(p, i)) passed.push(i);
    // The first picture is news; the square comes, and goes.
    expect(passed).toEqual([0, 3, 5]);
    expect(count().triggered).toBe(3);
  });

  it('counts only in the region, which is what is handed on', async () => {
    const region = { x: 0.5, y: 0.5, width: 0.5, height: 0.5 };
    const { gate } = open({ triggers: motion(), region, crop: true });
    const first = await gate.consider(pictures[0]!, 0);
    const { width, height } = await sharp(first!.bytes).metadata();
    expect([width, height]).toEqual([160, 120]);
    expect(await gate.consider(await withSquare(pictures[0]!, 20, 20, 60), 1)).toBeUndefined();
    const inside = await gate.consider(await withSquare(pictures[0]!, 200, 160, 40), 2);
    const { data } = await sharp(inside!.bytes).greyscale().raw().toBuffer({ resolveWithObject: true });
    // The square's middle, in the region's own pixels.
    expect(Math.abs(data[60 * 160 + 60]! - 128)).toBeLessThan(12);
    const whole = open({ triggers: motion(), region, crop: false });
    expect((await whole.gate.consider(pictures[0]!, 0))!.bytes).toBe(pictures[0]);
  });
});

describe('a picture that is asked for', () => {
  it('passes though it is blurred and shows nothing new, with what it stands for, and once', async () => {
    const asked = new Asked();
    const triggers = [asked, new IntervalTrigger(10_000)];
    const { gate } = open({ triggers, duplicates: 4, blurred: 60 });
    expect(await gate.consider(pictures[0]!, 0)).toEqual({ bytes: pictures[0] });
    asked.meaning = { task: 'doors', label: 'open' };
    const blurred = await blur(pictures[0]!, 4);
    expect(await gate.consider(blurred, 1)).toEqual({ bytes: blurred, task: 'doors', label: 'open' });
    expect(await gate.consider(blurred, 2)).toBeUndefined();
  });
});

describe('what is no picture', () => {
  it('is counted and told, and does no harm: it is still due', async () => {
    const { gate, count } = open({ triggers: [new IntervalTrigger(1000)] });
    for (const bytes of [Buffer.from('nothing'), pictures[0]!.subarray(0, 4000), Buffer.alloc(0)]) {
      expect(await gate.consider(bytes, 0)).toBeUndefined();
    }
    expect(await gate.consider(pictures[0]!, 1)).toBeDefined();
    expect(count()).toMatchObject({ bad: 3, triggered: 1 });
    expect(count().lastError).toMatch(/^a picture cannot be read: /);
  });

  it('is not even looked at while nothing is due', async () => {
    const { gate, count } = open({ triggers: [new IntervalTrigger(1000)] });
    await gate.consider(pictures[0]!, 0);
    expect(await gate.consider(Buffer.from('nothing'), 10)).toBeUndefined();
    expect(count().bad).toBe(0);
  });
});
