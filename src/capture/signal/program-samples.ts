import { Program, type ProgramOptions } from '../program.js';
import { SampleReader } from './samples.js';
import type { SampleSource } from './signal-frames.js';

/** Samples that a program writes to its standard output. */
export class ProgramSamples implements SampleSource {
  private readonly options: Omit<ProgramOptions, 'onData' | 'onFailed' | 'onDone'> & { scale: number };
  private readonly reader: SampleReader;
  private program: Program | undefined;

  /** @param options `scale` is what values are multiplied by */
  constructor(
    options: Omit<ProgramOptions, 'onData' | 'onFailed' | 'onDone'> & {
      scale: number;
      format: 's16le' | 'f32le';
      channels: number;
    },
  ) {
    this.options = options;
    this.reader = new SampleReader(options.format, options.channels);
  }

  start(sink: Parameters<SampleSource['start']>[0]): void {
    const { scale } = this.options;
    const program = new Program({
      ...this.options,
      onData: (chunk) => {
        program.alive();
        const values = this.reader.push(chunk);
        sink.samples(scale === 1 ? values : values.map((v) => v * scale));
      },
      onFailed: (reason) => {
        this.reader.reset();
        sink.failed(reason);
      },
      onDone: (reason) => sink.ended(reason),
    });
    this.program = program;
    program.start();
  }

  async stop(): Promise<void> {
    await this.program?.stop();
  }
}
