import { mkdirSync, writeFileSync } from 'node:fs';
import sharp from 'sharp';
import { afterEach, describe, expect, it } from 'vitest';
import { directorySchema } from '../../../src/capture/directory-config.js';
import { Normalizer } from '../../../src/capture/signal/normalizer.js';
import { usualKey } from '../../../src/capture/signal/signal-frames.js';
import { spectrogramAt } from '../../../src/capture/signal/spectrogram.js';
import { WavPictures } from '../../../src/capture/signal/wav-pictures.js';
import { Random } from '../../../src/random.js';
import { Daemon } from '../../agent/daemon.js';
import { until } from '../../link/until.js';
import { scratchFolder } from '../../store/scratch.js';
import { espeak } from '../programs.js';
import { gaussian } from './noise.js';
import { DIGITS, say, wavOf } from './speech.js';

const scratch = scratchFolder();
const size = { width: 224, height: 224 };

function wavPictures(sound: Record<string, unknown>, kept = new Map<string, string>()) {
  const config = directorySchema.parse({ kind: 'directory', path: '/in', sound }).sound!;
  const settings = { get: (k: string) => kept.get(k), set: (k: string, v: string) => void kept.set(k, v) };
  const pictures = new WavPictures(config, 'inbox', scratch.path('in'), { input: size, settings });
  return { config, kept, pictures };
}

/** A tone in noise. */
function tone(seconds: number, hertz: number, rate = 16_000, seed = 1): Buffer {
  const random = new Random(seed);
  const values = Float32Array.from(
    { length: seconds * rate },
    (_, i) => 0.3 * Math.sin((2 * Math.PI * hertz * i) / rate) + 0.01 * gaussian(random),
  );
  return wavOf(values, rate);
}

async function partsOf(pictures: WavPictures, path: string, bytes: Buffer) {
  const parts = [];
  for await (const part of pictures.of(path, bytes)!) parts.push(part);
  return parts;
}

/** The row of a picture that is brightest, from the top, of 224. */
async function brightestRow(png: Buffer): Promise<number> {
  const { data, info } = await sharp(png).greyscale().raw().toBuffer({ resolveWithObject: true });
  const rows = Array.from({ length: info.height }, (_, y) =>
    data.subarray(y * info.width, (y + 1) * info.width).reduce((a, b) => a + b, 0),
  );
  return rows.indexOf(Math.max(...rows));
}

describe('recordings of a folder', () => {
  it('become pictures of one length each; what is left at the end is none', async () => {
    mkdirSync(scratch.path('in'));
    const { pictures } = wavPictures({ length: '1 s' });
    const parts = await partsOf(pictures, 'a.wav', tone(3.5, 500));
    expect(parts.map((p) => p.at)).toEqual([0, 1, 2]);
    expect(await partsOf(pictures, 'short.wav', tone(0.4, 500))).toHaveLength(1);
    const overlapping = wavPictures({ length: '1 s', every: '500 ms' }).pictures;
    expect((await partsOf(overlapping, 'a.wav', tone(2, 500))).map((p) => p.at)).toEqual([0, 0.5, 1]);
    const { width, height, format } = await sharp(parts[0]!.png).metadata();
    expect({ width, height, format }).toEqual({ width: 224, height: 224, format: 'png' });
    expect(pictures.of('picture.png', Buffer.alloc(0))).toBeUndefined();
  });

  it('look the same whatever rate they were recorded with', async () => {
    mkdirSync(scratch.path('in'));
    for (let k = 0; k < 6; k++) writeFileSync(scratch.path('in', `${k}.wav`), tone(2, 300 + 900 * k));
    for (const hertz of [400, 1500, 4000]) {
      const rows = [];
      for (const rate of [16_000, 44_100, 48_000]) {
        const { pictures } = wavPictures({});
        const [first] = await partsOf(pictures, 'x.wav', tone(1, hertz, rate));
        rows.push(await brightestRow(first!.png));
      }
      expect(Math.max(...rows) - Math.min(...rows)).toBeLessThanOrEqual(4);
    }
  });

  it('are compared with what is usual among all of them, not with those that come first', async () => {
    for (const label of ['a', 'b', 'c']) mkdirSync(scratch.path('in', label), { recursive: true });
    ['a', 'b', 'c'].forEach((label, c) => {
      for (let k = 0; k < 10; k++) {
        writeFileSync(
          scratch.path('in', label, `${k}.wav`),
          tone(1, [300, 1500, 5000][c]!, 16_000, 10 * c + k),
        );
      }
    });
    const { pictures, kept } = wavPictures({ calibration: '6 s' });
    const [first] = await partsOf(pictures, scratch.path('in', 'a', '0.wav'), tone(1, 500));
    // Seven of thirty were heard, some of each class.
    expect(kept.size).toBe(1);
    const again = await partsOf(wavPictures({ calibration: '6 s' }, kept).pictures, 'x.wav', tone(1, 500));
    expect(again[0]!.png.equals(first!.png)).toBe(true);
    const saved = JSON.parse([...kept.values()][0]!) as { means: number[] };
    // Three bands stand out of the noise: those of all three tones.
    const noise = [...saved.means].sort((a, b) => a - b)[48]!;
    const high = saved.means.map((m) => m > noise + 2);
    expect(high.filter((h, i) => h && !high[i - 1])).toHaveLength(3);
  });

  it('wait for the sensor whose ear they are to be heard with', async () => {
    mkdirSync(scratch.path('in'));
    const { config, kept, pictures } = wavPictures({ sensor: 'kitchen', calibration: '1 s' });
    await expect(partsOf(pictures, 'a.wav', tone(1, 500))).rejects.toThrow(/'kitchen' is not known yet/);
    const sensor = new Normalizer(config.bands, 125);
    const random = new Random(3);
    sensor.learn(Float32Array.from({ length: 125 * config.bands }, () => -12 + gaussian(random)));
    kept.set(`${usualKey('kitchen', spectrogramAt(config, config.rate))}/0`, sensor.save());
    expect(await partsOf(pictures, 'a.wav', tone(1, 500))).toHaveLength(1);
  });
});

describe('a device with recordings in its folders', () => {
  let daemon: Daemon;
  afterEach(() => daemon?.stop());
  const voices = (names: readonly string[]) =>
    names.map((name, i) => ({ name, speed: 140 + 10 * i, pitch: 40 + 5 * i }));
  const folder = (name: string) => {
    const path = scratch.path(name);
    mkdirSync(path, { recursive: true });
    return path;
  };

  it('learns words from class folders, answers for others, and sets aside what is no recording', async (test) => {
    if (!espeak.runs) test.skip(espeak.reason);
    const teach = [
      'en-us',
      'en-us+f2',
      'en-us+m3',
      'en-gb',
      'en-gb+f4',
      'en-us+m7',
      'en-gb+f1',
      'en-gb-scotland+m2',
    ];
    for (const digit of DIGITS) {
      for (const voice of voices(teach)) {
        writeFileSync(`${folder(`teach/${digit}`)}/${voice.name}.wav`, say(digit, voice));
      }
    }
    writeFileSync(`${folder('teach/one')}/broken.wav`, 'no sound');
    daemon = await Daemon.start(scratch.path('store'), {
      sources: [
        {
          ...{
            kind: 'directory',
            name: 'teach',
            path: scratch.path('teach'),
            layout: 'class',
            task: 'words',
          },
          ...{ sound: {}, settle: '20 ms' },
        },
        {
          ...{ kind: 'directory', name: 'ask', path: folder('ask'), task: 'words', settle: '20 ms' },
          sound: { sensor: 'teach' },
        },
      ],
      learn: { newLabels: 1000 },
    });
    await until(() => daemon.agent.store.seen.count() >= 81);
    const { classes, samples } = daemon.agent.metrics().tasks[0]!;
    expect([...classes].sort()).toEqual([...DIGITS].sort());
    expect(samples).toBe(80);
    expect((await daemon.event('picture-set-aside')).message).toContain('broken.wav: no usable WAV file');
    expect(daemon.agent.metrics().sources![0]).toMatchObject({ bad: 1 });

    for (const voice of voices(['en-us+f3', 'en-gb+m4'])) {
      for (const digit of DIGITS)
        writeFileSync(`${folder('ask')}/${digit}-${voice.name}.wav`, say(digit, voice));
    }
    const results = () =>
      daemon.observer.on('lichen/v1/cam/result/words') as { label: string; source: string }[];
    await until(() => results().length >= 20);
    const right = results().filter((r) => r.source.includes(`/${r.label}-`)).length;
    console.log(`spoken digits out of WAV files, 80 taught, 20 asked in two other voices: ${right} right`);
    // Guessing gets a tenth.
    expect(right).toBeGreaterThanOrEqual(12);
  });
});
