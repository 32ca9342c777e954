import type { Camera } from '../camera.js';
import type { CaptureContext } from '../context.js';
import { openCamera, RETRY_MIN_MS } from '../open-camera.js';
import type { SamplesConfig, SoundConfig } from './config.js';
import { MqttSamples } from './mqtt-samples.js';
import { ProgramSamples } from './program-samples.js';
import { type SampleSource, SignalFrames } from './signal-frames.js';
import { spectrogramAt } from './spectrogram.js';

/** A program gives samples at their rate; it may catch up, this many times as fast. */
const CATCH_UP = 4;
/** Pictures that may wait: those of an onset are not to be lost while the one before is answered. */
const QUEUE = 8;

/** A microphone through arecord, or the sound of any input of ffmpeg. */
export function openSound(config: SoundConfig, name: string, context: CaptureContext): Camera {
  const [program, args] = config.device === undefined ? ffmpegSound(config) : arecordSound(config);
  const samples = new ProgramSamples({
    program,
    args,
    again: !isFile(config.input),
    stall: config.stall,
    backoff: { minMs: RETRY_MIN_MS, maxMs: config.retryMax },
    seed: context.seed,
    maxRate: CATCH_UP * 2 * config.rate,
    format: 's16le',
    channels: 1,
    scale: 1,
  });
  return openSignal(config, name, samples, 1, context);
}

/** Samples of any sensor, out of a pipe or over MQTT. */
export function openSamples(config: SamplesConfig, name: string, context: CaptureContext): Camera {
  const { path, topic, format, channels, fullScale } = config;
  const scale = 1 / fullScale;
  const samples =
    topic !== undefined
      ? new MqttSamples(context.feed(config.broker), { topic, format, channels, scale })
      : new ProgramSamples({
          // A process of its own waits for whoever writes to the pipe; reading it here would hold a thread.
          program: 'cat',
          args: [path!],
          again: true,
          stall: config.stall,
          backoff: { minMs: RETRY_MIN_MS, maxMs: config.retryMax },
          seed: context.seed,
          maxRate: CATCH_UP * 4 * channels * config.rate,
          format: format === 's16le' ? 's16le' : 'f32le',
          channels,
          scale,
        });
  return openSignal(config, name, samples, channels, context);
}

function openSignal(
  config: SoundConfig | SamplesConfig,
  name: string,
  samples: SampleSource,
  channels: number,
  context: CaptureContext,
): Camera {
  const frames = openSpectrograms(config, name, samples, channels, context);
  const { kind, task, trigger } = config;
  // A steady hum is worth an answer each time: nothing is dropped for showing nothing new.
  const drop = { duplicates: false, blurred: false } as const;
  return openCamera({ kind, task, trigger, drop, rate: 0 }, name, frames, context, QUEUE);
}

/** Pictures of a sensor's samples, as its settings say. */
export function openSpectrograms(
  config: SoundConfig | SamplesConfig,
  name: string,
  samples: SampleSource,
  channels: number,
  { input, settings }: Pick<CaptureContext, 'input' | 'settings'>,
): SignalFrames {
  const { rate } = config;
  const samplesIn = (ms: number) => Math.max(1, Math.round((ms / 1000) * rate));
  const spectrogram = spectrogramAt(config, rate);
  return new SignalFrames({
    samples,
    segments: {
      ...{ rate, channels, onset: config.onset },
      length: Math.max(spectrogram.window, samplesIn(config.length)),
      every: samplesIn(config.every ?? config.length),
    },
    spectrogram,
    calibration: Math.round(config.calibration / config.hop),
    size: input,
    settings,
    name,
  });
}

/** Sixteen-bit samples of one channel, without a head. */
export function arecordSound({ device, rate }: Pick<SoundConfig, 'device' | 'rate'>): [string, string[]] {
  return ['arecord', ['-q', '-D', device!, '-t', 'raw', '-f', 'S16_LE', '-c', '1', '-r', String(rate)]];
}

/** The same of any input of ffmpeg; a file at the speed that it was recorded at. */
export function ffmpegSound({ input, rate }: Pick<SoundConfig, 'input' | 'rate'>): [string, string[]] {
  return [
    'ffmpeg',
    [
      ...['-hide_banner', '-nostdin', '-loglevel', 'error'],
      ...(/^rtsps?:/i.test(input!) ? ['-rtsp_transport', 'tcp'] : []),
      ...(isFile(input) ? ['-re'] : []),
      ...['-i', input!, '-map', '0:a:0', '-ac', '1', '-ar', String(rate), '-f', 's16le', 'pipe:1'],
    ],
  ];
}

function isFile(input: string | undefined): boolean {
  return input !== undefined && !/^[a-z][a-z0-9+.-]*:\/\//i.test(input);
}
