import { spawnSync } from 'node:child_process';
import { createWriteStream, writeFileSync } from 'node:fs';
import sharp from 'sharp';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { arecordSound } from '../../../src/capture/signal/open-signal.js';
import { Random } from '../../../src/random.js';
import { openStore, type Store } from '../../../src/store/store.js';
import { AedesBroker } from '../../link/brokers.js';
import { Observer } from '../../link/observer.js';
import { until } from '../../link/until.js';
import { scratchFolder } from '../../store/scratch.js';
import { contextFor } from '../context.js';
import { espeak, ffmpeg, needed } from '../programs.js';
import { type Started, startSource } from '../started.js';
import { machine } from './machine.js';
import { gaussian } from './noise.js';
import { samplesOf, say, wavOf } from './speech.js';

const scratch = scratchFolder();
const arecord = needed('arecord', 'alsa-utils');
let store: Store;
let context: ReturnType<typeof contextFor>;
const cleanUp: (() => unknown)[] = [];

beforeEach(() => {
  store = openStore(scratch.path('store'));
  context = contextFor(store);
});
afterEach(async () => {
  for (const work of cleanUp.splice(0).reverse()) await work();
  store.close();
});

async function start(settings: Record<string, unknown>): Promise<Started> {
  const started = await startSource(settings, context);
  cleanUp.push(() => started.source.stop());
  return started;
}

const sizeOf = async (bytes: Buffer) => {
  const { width, height } = await sharp(bytes).metadata();
  return [width, height];
};

/** Words with a pause of a second before each, in faint noise; 22,050 samples a second. */
function speech(words: readonly string[]): Float32Array {
  const random = new Random(1);
  const parts = words.map((w) => samplesOf(say(w, { name: 'en-us', speed: 160, pitch: 50 })));
  const length = parts.reduce((sum, p) => sum + p.length + 22_050, 22_050);
  const out = Float32Array.from({ length }, () => 0.001 * gaussian(random));
  let at = 22_050;
  for (const part of parts) {
    part.forEach((v, i) => {
      out[at + i]! += v;
    });
    at += part.length + 22_050;
  }
  return out;
}

describe('a microphone', () => {
  it('of any input of ffmpeg gives a picture for each word that begins to be heard', async (test) => {
    if (!ffmpeg.runs) test.skip(ffmpeg.reason);
    if (!espeak.runs) test.skip(espeak.reason);
    const file = scratch.path('words.wav');
    writeFileSync(file, wavOf(speech(['seven', 'two', 'nine']), 22_050));
    const door = await start({ kind: 'sound', input: file, onset: 15, length: '800 ms', task: 'words' });
    await door.count(3);
    expect(await sizeOf(door.delivered[0]!.bytes)).toEqual([224, 224]);
    expect(door.delivered[0]).toMatchObject({ path: 'door', task: 'words' });
    await door.source.stop();
    expect(door.status()).toMatchObject({ kind: 'sound', frames: 3, delivered: 3, bad: 0, restarts: 0 });
  });

  it('of ALSA is recorded with arecord; one that floods has to wait', async (test) => {
    if (!arecord.runs) test.skip(arecord.reason);
    // ALSA's file plugin in place of a sound card: noise and silence by turns, then silence, as fast as they are read.
    const pcm = Buffer.alloc(2 * 16_000 * 3);
    const isLoud = (i: number) => i % 6000 < 3000;
    const random = new Random(2);
    for (let i = 0; i < pcm.length / 2; i++)
      pcm.writeInt16LE(isLoud(i) ? Math.round(8000 * (random.next() - 0.5)) : 0, 2 * i);
    writeFileSync(scratch.path('voice.raw'), pcm);
    const plugin = `type file slave.pcm null file /dev/null infile ${scratch.path('voice.raw')} format raw`;
    writeFileSync(scratch.path('asound.conf'), `pcm.voice { ${plugin} }\n`);
    process.env.ALSA_CONFIG_PATH = `/usr/share/alsa/alsa.conf:${scratch.path('asound.conf')}`;
    cleanUp.push(() => {
      delete process.env.ALSA_CONFIG_PATH;
    });
    const begun = Date.now();
    const door = await start({ kind: 'sound', device: 'voice' });
    await door.count(12);
    const { frames, bad } = door.status();
    // Four times as fast as it would be spoken, and what is read ahead.
    expect((frames + bad) / ((Date.now() - begun) / 1000)).toBeLessThan(12);
    const { channels } = await sharp(door.delivered[1]!.bytes).stats();
    expect(channels[0]!.stdev).toBeGreaterThan(25);
  });

  it('that is not there is said to be', async (test) => {
    if (!arecord.runs) test.skip(arecord.reason);
    const door = await start({ kind: 'sound', device: 'plughw:31,0', retryMax: '1 s' });
    await until(() => door.status().restarts >= 2);
    expect(door.status().lastError).toMatch(/^arecord ended with code 1: .*No such file or directory/);
    expect(arecordSound({ device: 'hw:1', rate: 8000 })[1].join(' ')).toBe(
      '-q -D hw:1 -t raw -f S16_LE -c 1 -r 8000',
    );
  });
});

describe('an accelerometer', () => {
  const rate = 4000;
  const settings = { kind: 'samples', rate, length: '500 ms' };

  it('over MQTT gives a picture of three axes in three colours', async () => {
    const broker = new AedesBroker();
    await broker.start();
    cleanUp.push(() => broker.remove());
    const observer = await Observer.at(broker.url);
    cleanUp.push(() => observer.stop());
    context = contextFor(store, broker.url);
    const door = await start({ ...settings, topic: 'machine/1', format: 'json', channels: 3, fullScale: 16 });
    const axes = (['healthy', 'imbalance', 'outer-race'] as const).map((c, i) => machine(c, 2, rate, i));
    const publish = (from: number, n: number) => {
      const samples = Array.from({ length: n }, (_, i) => axes.map((a) => 16 * (a[from + i] ?? 0)));
      return observer.client.publishAsync('machine/1', JSON.stringify(samples), { qos: 1 });
    };
    // What is published before the subscription is there, nobody hears.
    await until(() => {
      void observer.client.publish('machine/1', 'no samples');
      return door.status().bad > 0;
    });
    for (let at = 0; at < 2 * rate; at += 400) await publish(at, 400);
    await door.count(3);
    const { channels } = await sharp(door.delivered[0]!.bytes).stats();
    expect(channels).toHaveLength(3);
    const { data, info } = await sharp(door.delivered[0]!.bytes).raw().toBuffer({ resolveWithObject: true });
    const differ = (a: number, b: number) => {
      let sum = 0;
      for (let i = 0; i < data.length; i += info.channels) sum += Math.abs(data[i + a]! - data[i + b]!);
      return sum / (data.length / info.channels);
    };
    expect(differ(0, 1)).toBeGreaterThan(5);
    expect(differ(1, 2)).toBeGreaterThan(5);
    expect(door.status().lastError).toMatch(/^machine\/1: /);
  });

  it('through a pipe is read again when whoever writes ends, and what is usual outlives the program', async () => {
    const pipe = scratch.path('pipe');
    expect(spawnSync('mkfifo', [pipe]).status).toBe(0);
    const write = async (seed: number) => {
      const samples = machine('healthy', 2, rate, seed);
      const stream = createWriteStream(pipe);
      await new Promise<void>((resolve) => stream.end(Buffer.from(samples.buffer), () => resolve()));
    };
    const first = await start({ ...settings, path: pipe, calibration: '1 s', retryMax: '200 ms' });
    await write(1);
    await first.count(4);
    await until(() => first.status().restarts >= 1);
    await write(2);
    await first.count(8);
    await first.source.stop();
    const second = await start({ ...settings, path: pipe, calibration: '1 s' });
    await write(1);
    await second.count(4);
    // What was usual was learned from the first two pictures; those after them come out the same.
    expect(second.delivered[3]!.bytes.equals(first.delivered[3]!.bytes)).toBe(true);
    expect(second.delivered[0]!.bytes.equals(first.delivered[0]!.bytes)).toBe(false);
  });
});
