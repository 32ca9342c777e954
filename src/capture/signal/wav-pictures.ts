import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { CaptureContext } from '../context.js';
import type { WavConfig } from './config.js';
import { Normalizer } from './normalizer.js';
import { spectrogramPicture } from './picture.js';
import { usualKey } from './signal-frames.js';
import { Spectrogram, spectrogramAt } from './spectrogram.js';
import { WavFile } from './wav.js';

/** A part of a recording as a picture. */
export interface HeardPicture {
  png: Buffer;
  /** Where it begins; seconds. */
  at: number;
}

const isSound = (path: string) => /\.wav$/i.test(path);

/**
 * Makes pictures of the sound in WAV files, as a source of sound does of a microphone's. What is usual is learned from
 * recordings of the whole folder before the first picture is made, so that it does not hang on which class comes first;
 * or it is what another sensor has learned.
 */
export class WavPictures {
  private readonly config: WavConfig;
  private readonly root: string;
  private readonly key: string;
  private readonly size: CaptureContext['input'];
  private readonly settings: CaptureContext['settings'];
  private readonly normalizer: Normalizer;
  private readonly spectrograms = new Map<number, Spectrogram>();
  private ready: Promise<void> | undefined;
  /** Recordings that were learned from. */
  private readonly heard = new Set<string>();

  /**
   * @param name of the source
   * @param root folder of the recordings
   */
  constructor(
    config: WavConfig,
    name: string,
    root: string,
    { input, settings }: Pick<CaptureContext, 'input' | 'settings'>,
  ) {
    const spectrogram = spectrogramAt(config, config.rate);
    this.config = config;
    this.root = root;
    this.size = input;
    this.settings = settings;
    this.key = `${usualKey(config.sensor ?? name, spectrogram)}/0`;
    this.normalizer = new Normalizer(config.bands, Math.round(config.calibration / config.hop));
  }

  /**
   * The pictures of a file, one after the other as long as it is; undefined where it is no WAV file by its name.
   * @throws LichenError as `WavFile`, and Error where the other sensor has not learned what is usual yet
   */
  of(path: string, bytes: Buffer): AsyncIterable<HeardPicture> | undefined {
    return isSound(path) ? this.pictures(path, bytes) : undefined;
  }

  private async *pictures(path: string, bytes: Buffer): AsyncGenerator<HeardPicture> {
    const wav = new WavFile(bytes);
    this.ready ??= this.listen();
    try {
      await this.ready;
    } catch (error) {
      // Asked for the next recording, it may be known.
      this.ready = undefined;
      throw error;
    }
    const { normalizer, config, size } = this;
    if (config.sensor !== undefined && !normalizer.settled) this.restore();
    else if (!this.heard.has(path)) this.learn(path, wav);
    for (const { columns, at } of this.parts(wav)) {
      yield { png: await spectrogramPicture([normalizer.grey(columns)], config.bands, size), at };
    }
  }

  /** Learns what is usual, where that is not known, from recordings that lie evenly among all that are there. */
  private async listen(): Promise<void> {
    const { normalizer, config, root } = this;
    if (this.restore()) return;
    if (config.sensor !== undefined) {
      throw new Error(
        `what is usual for '${config.sensor}' is not known yet: it has to listen for its \`calibration\`, and to have the same rate, window, hop, bands, scale, low and high`,
      );
    }
    const names = await readdir(root, { recursive: true }).catch(() => []);
    const paths = names.filter(isSound).sort();
    // A part has fewer columns than hops in its length, since the last windows do not fit.
    const columns = this.spectrogramOf(config.rate).columns(Math.round((config.length / 1000) * config.rate));
    const most = Math.ceil(config.calibration / config.hop / Math.max(1, columns));
    const step = Math.max(1, paths.length / most);
    for (let i = 0; Math.floor(i) < paths.length && !normalizer.settled; i += step) {
      const path = join(root, paths[Math.floor(i)]!);
      try {
        this.learn(path, new WavFile(await readFile(path)));
      } catch {
        // It is gone, or not whole yet: it is read again when its turn comes.
      }
    }
  }

  /** Learns what is usual from a recording, until it is known. */
  private learn(path: string, wav: WavFile): void {
    const { normalizer, config } = this;
    this.heard.add(path);
    if (normalizer.settled) return;
    for (const { columns, sounding } of this.parts(wav)) {
      normalizer.learn(columns.subarray(0, sounding * config.bands));
      if (normalizer.settled) break;
    }
    // Few times: it stays as it is soon.
    this.settings.set(this.key, normalizer.save());
  }

  /** Spectrograms of a recording's parts, and how many of their columns show none of the silence behind its end. */
  private *parts(wav: WavFile): Generator<{ columns: Float32Array; sounding: number; at: number }> {
    const { config } = this;
    const spectrogram = this.spectrogramOf(wav.rate);
    const { window } = spectrogram.options;
    const samplesIn = (ms: number) => Math.max(1, Math.round((ms / 1000) * wav.rate));
    const length = Math.max(window, samplesIn(config.length));
    const every = samplesIn(config.every ?? config.length);
    // What is left at the end is no part of its own, but a recording that is shorter than a part is one.
    for (let from = 0; from === 0 || from + length <= wav.length; from += every) {
      const columns = spectrogram.of(wav.samples(from, length));
      const sounding = spectrogram.columns(Math.min(length, wav.length - from));
      yield { columns, sounding, at: from / wav.rate };
    }
  }

  private spectrogramOf(rate: number): Spectrogram {
    const made = this.spectrograms.get(rate) ?? new Spectrogram(spectrogramAt(this.config, rate));
    this.spectrograms.set(rate, made);
    return made;
  }

  private restore(): boolean {
    const before = this.settings.get(this.key);
    if (before !== undefined) this.normalizer.restore(before);
    return before !== undefined;
  }
}
