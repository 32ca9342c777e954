import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { WavFile } from '../../../src/capture/signal/wav.js';
import { LichenError } from '../../../src/errors.js';
import { Random } from '../../../src/random.js';
import { scratchFolder } from '../../store/scratch.js';
import { espeak, ffmpeg } from '../programs.js';
import { DIGITS, say, wavOf } from './speech.js';

const scratch = scratchFolder();

/** A tone that decays, as no two of its samples are alike. */
const tone = (rate: number, count: number) =>
  Float32Array.from(
    { length: count },
    (_, i) => 0.8 * Math.exp(-i / count) * Math.sin((2 * Math.PI * 440 * i) / rate),
  );

const codeOf = (bytes: Buffer): string => {
  try {
    new WavFile(bytes);
  } catch (error) {
    if (error instanceof LichenError) return error.code;
    throw error;
  }
  return 'taken';
};

describe('a WAV file', () => {
  it('has the samples that were written into it', () => {
    const signal = tone(8000, 1000);
    const wav = new WavFile(wavOf(signal, 8000));
    expect({ rate: wav.rate, channels: wav.channels, length: wav.length }).toEqual({
      ...{ rate: 8000, channels: 1, length: 1000 },
    });
    const read = wav.samples(0, 1000);
    for (let i = 0; i < 1000; i++) expect(Math.abs(read[i]! - signal[i]!)).toBeLessThan(1e-4);
    expect([...wav.samples(998, 4)].slice(2)).toEqual([0, 0]);
    expect([...wav.samples(200, 3)]).toEqual([...read.slice(200, 203)]);
  });

  it.for([
    ['pcm_u8', 1 / 64],
    ['pcm_s16le', 1e-3],
    ['pcm_s24le', 1e-3],
    ['pcm_s32le', 1e-3],
    ['pcm_f32le', 1e-3],
    ['pcm_f64le', 1e-3],
  ] as const)('is read as ffmpeg writes %s, of one channel and of two', ([codec, error], test) => {
    if (!ffmpeg.runs) test.skip(ffmpeg.reason);
    const signal = tone(16_000, 4000);
    const source = scratch.path('in.wav');
    writeFileSync(source, wavOf(signal, 16_000));
    for (const channels of [1, 2]) {
      const file = scratch.path(`${codec}-${channels}.wav`);
      const args = ['-y', '-loglevel', 'error', '-i', source, '-ac', String(channels), '-c:a', codec, file];
      expect(spawnSync('ffmpeg', args).status).toBe(0);
      const wav = new WavFile(readFileSync(file));
      expect([wav.rate, wav.channels, wav.length]).toEqual([16_000, channels, 4000]);
      const read = wav.samples(0, 4000);
      // ffmpeg may share one channel's power among two.
      const gain = channels === 1 ? 1 : peak(read) / peak(signal);
      expect(gain).toBeGreaterThan(0.7);
      for (let i = 0; i < 4000; i++)
        expect(Math.abs(read[i]! - gain * signal[i]!)).toBeLessThan(error + 2e-4);
    }
  });

  it('is read as espeak-ng writes it to a pipe, where it cannot know its length', (test) => {
    if (!espeak.runs) test.skip(espeak.reason);
    const wav = new WavFile(say(DIGITS[3], { name: 'en-us', speed: 160, pitch: 50 }));
    expect(wav.rate).toBe(22_050);
    expect(wav.length).toBeGreaterThan(4000);
    expect(peak(wav.samples(0, wav.length))).toBeGreaterThan(0.05);
  });

  it('is refused where it is none, and where it is written in a way that is not read', () => {
    const good = wavOf(tone(8000, 100), 8000);
    const altered = (change: (b: Buffer) => void) => {
      const copy = Buffer.from(good);
      change(copy);
      return copy;
    };
    expect(codeOf(Buffer.alloc(0))).toBe('wav-malformed');
    expect(codeOf(Buffer.from('a letter that is longer than a head of forty-four bytes'))).toBe(
      'wav-malformed',
    );
    expect(codeOf(good.subarray(0, 44))).toBe('wav-malformed');
    expect(codeOf(good.subarray(0, 30))).toBe('wav-malformed');
    // A-law.
    expect(codeOf(altered((b) => b.writeUInt16LE(6, 20)))).toBe('wav-unsupported');
    expect(codeOf(altered((b) => b.writeUInt16LE(12, 34)))).toBe('wav-unsupported');
    expect(codeOf(altered((b) => b.writeUInt16LE(0, 22)))).toBe('wav-malformed');
    expect(codeOf(altered((b) => b.writeUInt32LE(10, 24)))).toBe('wav-malformed');
    // Cut short, it is as long as it is.
    expect(new WavFile(good.subarray(0, 101)).length).toBe(28);
  });

  it('never does anything but be read or be refused, whatever is in it', () => {
    const random = new Random(5);
    const good = wavOf(tone(8000, 200), 8000);
    for (let n = 0; n < 5000; n++) {
      const copy = Buffer.from(good.subarray(0, 12 + random.int(good.length - 11)));
      for (let k = 0; k < 6; k++) copy[random.int(Math.min(copy.length, 60))] = random.int(256);
      if (codeOf(copy) !== 'taken') continue;
      const wav = new WavFile(copy);
      for (const v of wav.samples(0, Math.min(wav.length, 300))) expect(Math.abs(v)).toBeLessThanOrEqual(1);
    }
  });
});

function peak(values: Float32Array): number {
  return values.reduce((most, v) => Math.max(most, Math.abs(v)), 0);
}
