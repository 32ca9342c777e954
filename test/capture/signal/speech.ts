import { spawnSync } from 'node:child_process';

export const DIGITS = [
  'zero',
  'one',
  'two',
  'three',
  'four',
  'five',
  'six',
  'seven',
  'eight',
  'nine',
] as const;

/** How espeak-ng is to speak. */
export interface Voice {
  /** Language and variant, such as en-us+f3. */
  name: string;
  /** Words a minute. */
  speed: number;
  /** 0 to 99. */
  pitch: number;
}

/** A word as espeak-ng says it, 16-bit samples in a WAV file, 22,050 a second. */
export function say(word: string, { name, speed, pitch }: Voice): Buffer {
  const args = ['-v', name, '-s', String(speed), '-p', String(pitch), '--stdout', word];
  const { status, stdout, stderr } = spawnSync('espeak-ng', args);
  if (status !== 0) throw new Error(`espeak-ng: ${stderr}`);
  return stdout;
}

/** The samples of espeak-ng's WAV file, whose head has 44 bytes. */
export function samplesOf(wav: Buffer): Float32Array {
  const pcm = wav.subarray(44);
  return Float32Array.from({ length: pcm.length >> 1 }, (_, i) => pcm.readInt16LE(2 * i) / 32_768);
}

/** Samples as a WAV file of one channel (Microsoft's RIFF, PCM). */
export function wavOf(samples: Float32Array, rate: number): Buffer {
  const head = Buffer.alloc(44);
  const bytes = 2 * samples.length;
  head.write('RIFF', 0);
  head.writeUInt32LE(36 + bytes, 4);
  head.write('WAVEfmt ', 8);
  head.writeUInt32LE(16, 16);
  head.writeUInt16LE(1, 20);
  head.writeUInt16LE(1, 22);
  head.writeUInt32LE(rate, 24);
  head.writeUInt32LE(2 * rate, 28);
  head.writeUInt16LE(2, 32);
  head.writeUInt16LE(16, 34);
  head.write('data', 36);
  head.writeUInt32LE(bytes, 40);
  const pcm = Buffer.alloc(bytes);
  for (const [i, v] of samples.entries()) {
    pcm.writeInt16LE(Math.round(Math.max(-1, Math.min(1, v)) * 32_767), 2 * i);
  }
  return Buffer.concat([head, pcm]);
}
