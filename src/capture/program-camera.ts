import type { FrameSink, FrameSource } from './frames.js';
import { JpegSplitter } from './jpeg-stream.js';
import { Program } from './program.js';

/** A command whose standard output is a stream of JPEG pictures. */
export interface CameraCommand {
  program: string;
  args: readonly string[];
  /** Whether it is begun again when it ends by itself, as a camera is and a film that is shown once is not. */
  again: boolean;
  /** It is begun again when no picture came for this long; milliseconds. */
  stall: number;
  /** Most bytes of a picture. */
  maxBytes: number;
  /** Delay before the first and the later attempts; milliseconds. */
  backoff: { minMs: number; maxMs: number };
  seed: number;
}

/** A camera gives no more; bytes a second. */
const MAX_RATE = 64 * 2 ** 20;

/** A camera through a program: a supervised child process whose output is split into pictures. */
export class ProgramCamera implements FrameSource {
  private readonly command: CameraCommand;
  private program: Program | undefined;

  constructor(command: CameraCommand) {
    this.command = command;
  }

  start(sink: FrameSink): void {
    const { maxBytes, ...command } = this.command;
    const splitter = new JpegSplitter({
      maxBytes,
      onPicture: (bytes) => {
        program.alive();
        sink.frame(bytes);
      },
      onBad: (reason) => sink.bad(reason),
    });
    const program = new Program({
      ...command,
      maxRate: MAX_RATE,
      onData: (chunk) => splitter.push(chunk),
      onFailed: (reason) => {
        splitter.end();
        sink.failed(reason);
      },
      onDone: (reason) => {
        splitter.end();
        sink.ended(reason);
      },
    });
    this.program = program;
    program.start();
  }

  async stop(): Promise<void> {
    await this.program?.stop();
  }
}
