import * as ort from 'onnxruntime-node';
import { LichenError, messageOf } from '../errors.js';
import type { Model } from '../onnx/model.js';
import { encodeModel } from '../onnx/write.js';
import type { CompileOptions, Engine, FloatTensor, Program } from './engine.js';
import { free } from './free.js';

/** The version of ONNX Runtime that is installed. */
export const ORT_VERSION: string = ort.env.versions.node ?? ort.env.versions.common;

/** ONNX Runtime's CPU execution, the default engine. */
export class OrtEngine implements Engine {
  readonly name = 'ort';
  readonly version = ORT_VERSION;
  readonly loops = true;

  async compile(model: Model | Uint8Array, options: CompileOptions = {}): Promise<Program> {
    const bytes = model instanceof Uint8Array ? model : encodeModel(model);
    try {
      const session = await ort.InferenceSession.create(bytes, {
        intraOpNumThreads: options.threads ?? 0,
        interOpNumThreads: 1,
        executionMode: 'sequential',
        enableCpuMemArena: options.arena ?? true,
        // One block a run for all its tensors: beside the arena's own chunks it would take a third more memory and save no time;
        // without an arena it saves a third of a trunk's time, for each large tensor would be memory new from the system.
        enableMemPattern: options.arena === false,
        graphOptimizationLevel: 'all',
        extra: { session: { intra_op: { allow_spinning: options.spin === false ? '0' : '1' } } },
        // Warnings about unused initializers and the like help nobody at run time.
        logSeverityLevel: 3,
      });
      return new OrtProgram(session);
    } catch (error) {
      throw new LichenError('engine-compile', `ONNX Runtime refuses the graph: ${messageOf(error)}`, {
        cause: error,
      });
    }
  }
}

/** What an object has under a name that may be that of something which every object has, like 'constructor'. */
function named<T>(values: Record<string, T>, name: string): T | undefined {
  return Object.hasOwn(values, name) ? values[name] : undefined;
}

class OrtProgram implements Program {
  readonly outputs: readonly string[];
  private readonly session: ort.InferenceSession;
  private readonly running = new Set<Promise<unknown>>();
  private closed: Promise<void> | undefined;

  constructor(session: ort.InferenceSession) {
    this.session = session;
    this.outputs = session.outputNames;
  }

  async run(
    feeds: Record<string, FloatTensor>,
    into: Record<string, FloatTensor> = {},
  ): Promise<Record<string, FloatTensor>> {
    if (this.closed) throw new LichenError('engine-run', 'the program was closed and cannot run any more');
    const results = await this.attempt(feeds, into);
    const copies: ArrayBuffer[] = [];
    const outputs = Object.fromEntries(
      this.outputs.map((name) => {
        const t = named(results, name);
        const given = named(into, name);
        if (given) {
          const copy = t && (t.data as Float32Array<ArrayBuffer>).buffer;
          if (copy && copy !== given.data.buffer) copies.push(copy);
          return [name, given];
        }
        // The runtime's own binding loses an output of the name '__proto__'.
        if (!t) throw new LichenError('engine-run', `ONNX Runtime gave no output '${name}'`);
        return [name, { dims: t.dims, data: t.data as Float32Array }];
      }),
    );
    // The runtime's binding hands out a copy of every output, also of one that it wrote into a tensor of ours.
    free(copies);
    return outputs;
  }

  close(): Promise<void> {
    // ONNX Runtime takes a session away from under a run that has not begun yet.
    this.closed ??= Promise.allSettled(this.running).then(() => this.session.release());
    return this.closed;
  }

  private async attempt(
    feeds: Record<string, FloatTensor>,
    into: Record<string, FloatTensor>,
  ): Promise<ort.InferenceSession.OnnxValueMapType> {
    const native = (t: FloatTensor) => new ort.Tensor('float32', t.data, t.dims);
    try {
      const inputs = Object.fromEntries(Object.entries(feeds).map(([name, t]) => [name, native(t)]));
      const fetches = Object.fromEntries(
        this.outputs.map((name) => {
          const given = named(into, name);
          return [name, given ? native(given) : null] as const;
        }),
      );
      const run = this.session.run(inputs, fetches);
      this.running.add(run);
      return await run.finally(() => this.running.delete(run));
    } catch (error) {
      throw new LichenError('engine-run', `ONNX Runtime cannot run the graph: ${messageOf(error)}`, {
        cause: error,
      });
    }
  }
}
