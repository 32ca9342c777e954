import type { Model } from '../onnx/model.js';

/** A float32 tensor as programs take and give it. */
export interface FloatTensor {
  dims: readonly number[];
  data: Float32Array;
}

export interface CompileOptions {
  /** Threads inside one operator; default: the engine's own choice. */
  threads?: number;
  /**
   * Keep freed memory for the next run. Faster (1.1 to 1.6 times, measured), and needs up to twice the memory.
   */
  arena?: boolean;
  /**
   * Threads wait for the next operator's work in a busy loop (the default), which shortens a run and keeps their cores
   * busy for a while after it; or they sleep, as is better where a run comes now and then.
   */
  spin?: boolean;
}

/** A compiled graph. Programs hold native memory: close them. */
export interface Program {
  readonly outputs: readonly string[];
  /**
   * Runs the graph. The engine's own threads share the work, and the calling thread is busy until it is done.
   * @param feeds a tensor for every input
   * @param into tensors that the named outputs are written to, in place; outputs not named here are returned
   *   as new tensors
   * @throws LichenError `engine-run` for a tensor that is missing, unknown or of another shape, and after `close`
   */
  run(
    feeds: Record<string, FloatTensor>,
    into?: Record<string, FloatTensor>,
  ): Promise<Record<string, FloatTensor>>;
  /** Frees the native memory, once what is running is done. */
  close(): Promise<void>;
}

/** The engines by the names that settings and options give them; `auto` is ONNX Runtime. */
export const ENGINES = ['auto', 'ort', 'tfjs'] as const;
export type EngineChoice = (typeof ENGINES)[number];

/** What runs ONNX graphs, gradient graphs among them. */
export interface Engine {
  readonly name: string;
  readonly version: string;
  /** Whether graphs may have loops, so that many training steps can be one run, and branches. */
  readonly loops: boolean;
  /** @throws LichenError `engine-compile` when the graph is refused */
  compile(model: Model | Uint8Array, options?: CompileOptions): Promise<Program>;
}
