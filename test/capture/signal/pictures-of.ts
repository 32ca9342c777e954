import { sourceSchema } from '../../../src/capture/config.js';
import { openSpectrograms } from '../../../src/capture/signal/open-signal.js';
import type { SampleSource } from '../../../src/capture/signal/signal-frames.js';
import { until } from '../../link/until.js';

/** A sensor that gives what a test pushes. */
export class PushedSamples implements SampleSource {
  push: (values: Float32Array) => void = () => {};

  start(sink: Parameters<SampleSource['start']>[0]): void {
    this.push = sink.samples;
  }

  async stop(): Promise<void> {}
}

/**
 * One sensor, by its settings: turns signals into pictures one after the other, learning what is usual as it does on
 * a device. Every signal gives one picture.
 */
export function pictureMaker(settings: Record<string, unknown>, size: { width: number; height: number }) {
  const config = sourceSchema.parse(settings);
  if (config.kind !== 'sound' && config.kind !== 'samples') throw new Error(config.kind);
  const kept = new Map<string, string>();
  const store = { get: (k: string) => kept.get(k), set: (k: string, v: string) => void kept.set(k, v) };
  const samples = new PushedSamples();
  const frames = openSpectrograms(config, 'sensor', samples, 1, { input: size, settings: store });
  const made: Buffer[] = [];
  frames.start({
    frame: (bytes) => made.push(bytes),
    bad: (reason) => {
      throw new Error(reason);
    },
    failed: () => {},
    ended: () => {},
  });
  return async (signal: Float32Array): Promise<Buffer> => {
    const before = made.length;
    samples.push(signal);
    await until(() => made.length > before);
    return made[before]!;
  };
}
