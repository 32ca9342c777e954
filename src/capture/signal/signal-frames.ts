import { messageOf } from '../../errors.js';
import type { FrameSink, FrameSource } from '../frames.js';
import { Normalizer } from './normalizer.js';
import { spectrogramPicture } from './picture.js';
import { type SegmentOptions, Segments } from './segments.js';
import { Spectrogram, type SpectrogramOptions } from './spectrogram.js';

/** Gives the values of samples, interleaved, as they come. */
export interface SampleSource {
  start(sink: Omit<FrameSink, 'frame'> & { samples: (values: Float32Array) => void }): void;
  stop(): Promise<void>;
}

export interface SignalOptions {
  samples: SampleSource;
  segments: SegmentOptions;
  spectrogram: SpectrogramOptions;
  /** Columns after which what is usual stays as it is. */
  calibration: number;
  /** Size of the pictures; pixels. */
  size: { width: number; height: number };
  /** Where what is usual is kept, under the sensor's name. */
  settings: { get(key: string): string | undefined; set(key: string, value: string): void };
  name: string;
}

/** Under what a sensor's idea of what is usual is kept. What was usual with other settings says nothing. */
export const usualKey = (name: string, spectrogram: SpectrogramOptions): string =>
  `usual/${name}/${JSON.stringify(spectrogram)}`;

/** Pictures that may wait to be made; segments that come meanwhile are dropped and counted as bad. */
const MAX_WAITING = 8;

/** A sensor of samples as a camera: segments of its signal as spectrograms, normalised for this sensor. */
export class SignalFrames implements FrameSource {
  private readonly options: SignalOptions;
  private readonly spectrogram: Spectrogram;
  private readonly normalizers: readonly Normalizer[];
  private readonly key: string;
  /** One after the other, so that they come in the order of the signal. */
  private making: Promise<void> = Promise.resolve();
  private waiting = 0;
  private saved = false;

  constructor(options: SignalOptions) {
    const { spectrogram, segments, calibration, name, settings } = options;
    this.options = options;
    this.spectrogram = new Spectrogram(spectrogram);
    this.normalizers = Array.from(
      { length: segments.channels },
      () => new Normalizer(spectrogram.bands, calibration),
    );
    this.key = usualKey(name, spectrogram);
    this.normalizers.forEach((normalizer, channel) => {
      const before = settings.get(`${this.key}/${channel}`);
      if (before !== undefined) normalizer.restore(before);
    });
    this.saved = this.normalizers.every((n) => n.settled);
  }

  start(sink: FrameSink): void {
    const segments = new Segments(this.options.segments, (channels) => this.make(channels, sink));
    this.options.samples.start({
      samples: (values) => segments.push(values),
      bad: sink.bad,
      failed: sink.failed,
      ended: sink.ended,
    });
  }

  async stop(): Promise<void> {
    await this.options.samples.stop();
    await this.making;
    this.save();
  }

  private make(channels: readonly Float32Array[], sink: FrameSink): void {
    if (this.waiting >= MAX_WAITING) {
      sink.bad('the device is too slow for the signal');
      return;
    }
    const { size, spectrogram } = this.options;
    const grey = channels.map((samples, c) => {
      const columns = this.spectrogram.of(samples);
      this.normalizers[c]!.learn(columns);
      return this.normalizers[c]!.grey(columns);
    });
    if (!this.saved && this.normalizers.every((n) => n.settled)) this.save();
    this.waiting += 1;
    this.making = this.making
      .then(async () => sink.frame(await spectrogramPicture(grey, spectrogram.bands, size)))
      .catch((error: unknown) => sink.bad(messageOf(error)))
      .finally(() => {
        this.waiting -= 1;
      });
  }

  private save(): void {
    if (this.saved) return;
    this.normalizers.forEach((n, channel) => {
      this.options.settings.set(`${this.key}/${channel}`, n.save());
    });
    this.saved = this.normalizers.every((n) => n.settled);
  }
}
