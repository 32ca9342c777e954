import { z } from 'zod';
import { duration } from '../../config/units.js';
import { brokerSchema, cameraShape, id, retryShape } from '../common-config.js';
import { FORMATS } from './samples.js';

const { name, task, trigger } = cameraShape;

/** Settings of how a signal becomes pictures; defaults for sound, and for samples in general, differ. */
function spectrogramShape(defaults: {
  length: number;
  window: number;
  hop: number;
  bands: number;
  scale: 'mel' | 'linear';
}) {
  return {
    length: duration(10)
      .default(defaults.length)
      .describe('How much of the signal one picture shows; time such as 1 s.'),
    every: duration(10)
      .optional()
      .describe('From the beginning of one picture to that of the next; its length unless given.'),
    onset: z
      .number()
      .min(1)
      .max(120)
      .optional()
      .describe(
        'Pictures begin only where it becomes louder by so much, such as 12; dB. One after the other unless given.',
      ),
    window: duration(1)
      .default(defaults.window)
      .describe('What one column of the picture is computed from; time such as 32 ms.'),
    hop: duration(1).default(defaults.hop).describe('From one column to the next; time such as 10 ms.'),
    bands: z.int().min(8).max(512).default(defaults.bands).describe('Rows of the picture: frequency bands.'),
    scale: z
      .enum(['mel', 'linear'])
      .default(defaults.scale)
      .describe('How bands are spread over the frequencies: as hearing has it, or evenly.'),
    low: z.number().min(0).default(0).describe('Lowest frequency; Hz.'),
    high: z.number().min(1).optional().describe('Highest frequency; half the rate unless given; Hz.'),
    calibration: duration(0)
      .default(60_000)
      .describe(
        'How much of the pictures is heard to learn what is usual for the sensor; it stays then. Time such as 60 s.',
      ),
  };
}

const { onset: _, ...wavShape } = spectrogramShape({
  ...{ length: 1000, window: 32, hop: 8, bands: 96, scale: 'mel' },
});

/** WAV files in a watched folder; how they become pictures. */
export const wavSchema = z
  .strictObject({
    sensor: id
      .optional()
      .describe(
        'A source of sound that the recordings are as from: what is usual for it is for them, once it has learned that. Of the folder itself unless given.',
      ),
    rate: z
      .int()
      .min(1000)
      .max(192_000)
      .default(16_000)
      .describe('Samples a second; recordings may have more, and are seen up to half of this.'),
    ...wavShape,
  })
  .optional()
  .describe('Takes WAV files as sound; {} is with the defaults. Without it they are no pictures.');
export type WavConfig = NonNullable<z.infer<typeof wavSchema>>;

/** A microphone, or the sound of a stream or a file. */
export const soundSchema = z
  .strictObject({
    kind: z
      .literal('sound')
      .describe('What kind of source it is: a microphone, or the sound of a stream or a file.'),
    name,
    task,
    device: z
      .string()
      .min(1)
      .optional()
      .describe('A microphone, as `arecord -L` names it, such as plughw:1,0 or default.'),
    input: z
      .string()
      .min(1)
      .refine((i) => !i.startsWith('-'), 'expected an address, a device or a file')
      .optional()
      .describe('In place of a microphone: any input of ffmpeg with sound, such as rtsp://camera/stream.'),
    rate: z.int().min(1000).max(192_000).default(16_000).describe('Samples a second.'),
    ...spectrogramShape({ length: 1000, window: 32, hop: 8, bands: 96, scale: 'mel' }),
    trigger,
    ...retryShape,
  })
  .refine((s) => (s.device === undefined) !== (s.input === undefined), {
    error: 'a source of sound needs a `device` or an `input`, one of them',
    path: ['device'],
  });
export type SoundConfig = z.infer<typeof soundSchema>;

/** An accelerometer, or any other sensor that gives samples at a steady rate. */
export const samplesSchema = z
  .strictObject({
    kind: z
      .literal('samples')
      .describe('What kind of source it is: samples of a sensor, such as an accelerometer.'),
    name,
    task,
    path: z.string().min(1).optional().describe('A pipe (mkfifo) or device that the samples are read from.'),
    topic: z.string().min(1).max(1024).optional().describe('Or the MQTT topic on which they are published.'),
    broker: brokerSchema,
    format: z
      .enum(FORMATS)
      .default('f32le')
      .describe('How they are written: s16le, f32le, or (MQTT only) json, a list of numbers.'),
    channels: z
      .int()
      .min(1)
      .max(3)
      .default(1)
      .describe('Values of a sample, interleaved: axes become the colours of the picture.'),
    fullScale: z
      .number()
      .positive()
      .default(1)
      .describe('The value that counts as full scale, such as 16 for an accelerometer of 16 g; for `onset`.'),
    rate: z.int().min(10).max(192_000).describe('Samples a second.'),
    ...spectrogramShape({ length: 1000, window: 16, hop: 4, bands: 96, scale: 'linear' }),
    trigger,
    ...retryShape,
  })
  .refine((s) => (s.path === undefined) !== (s.topic === undefined), {
    error: 'a source of samples needs a `path` or a `topic`, one of them',
    path: ['path'],
  })
  .refine((s) => s.format !== 'json' || s.topic !== undefined, {
    error: 'json is only for samples over MQTT',
    path: ['format'],
  });
export type SamplesConfig = z.infer<typeof samplesSchema>;
