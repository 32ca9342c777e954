import { LichenError, messageOf } from '../errors.js';
import { BUILD_OPSET } from '../onnx/builder.js';
import { ElementType, type Model } from '../onnx/model.js';
import { normalize } from '../onnx/normalize.js';
import { decodeModel } from '../onnx/read.js';
import type { CompileOptions, Engine, Program } from './engine.js';
import { type Backend, FOLDER_VARIABLE, type Library, nativeLibrary, scriptLibrary } from './tfjs/library.js';
import { isSupported } from './tfjs/operators.js';
import { TfjsProgram } from './tfjs/program.js';

export interface TfjsOptions {
  /** Folder in which `@tensorflow/tfjs-node` was built; LICHEN_TFJS_NODE, or Lichen's own packages, unless given. */
  folder?: string;
  /**
   * `native`: TensorFlow's library, or an error. `javascript`: no native code; only for tests. `any`: the former
   * where it loads, else the latter.
   */
  backend?: 'native' | 'javascript' | 'any';
}

/**
 * TensorFlow.js: the same ONNX graphs through TensorFlow's operators. TensorFlow chooses its threads by itself
 * and frees memory as it goes, so that a program's `threads` and `arena` say nothing here.
 */
export class TfjsEngine implements Engine {
  readonly name = 'tfjs';
  readonly loops = false;
  readonly version: string;
  /** `tensorflow` is the native library, `cpu` is JavaScript. */
  readonly backend: Backend;
  /** What a user has to know of this backend; undefined on the native library. */
  readonly caution: string | undefined;
  private readonly library: Library;

  private constructor(library: Library, caution?: string) {
    this.library = library;
    this.version = library.version;
    this.backend = library.backend;
    this.caution = caution;
  }

  /**
   * Loads TensorFlow.js.
   * @throws LichenError `engine-unavailable`: why it does not load, and what to do
   */
  static open({ folder, backend = 'native' }: TfjsOptions = {}): TfjsEngine {
    const where = folder ?? (process.env[FOLDER_VARIABLE] || undefined);
    if (backend === 'javascript') return new TfjsEngine(scriptLibrary(), ONLY_FOR_TESTS);
    try {
      return new TfjsEngine(nativeLibrary(where));
    } catch (error) {
      if (backend === 'native') throw error;
      return new TfjsEngine(
        scriptLibrary(),
        `${ONLY_FOR_TESTS} Instead of the native library: ${messageOf(error)}`,
      );
    }
  }

  async compile(model: Model | Uint8Array, _options: CompileOptions = {}): Promise<Program> {
    try {
      const decoded = model instanceof Uint8Array ? decodeModel(model) : model;
      return new TfjsProgram(this.library, runnable(decoded).graph);
    } catch (error) {
      if (error instanceof LichenError && error.code === 'engine-compile') throw error;
      throw new LichenError('engine-compile', `TensorFlow.js refuses the graph: ${messageOf(error)}`, {
        cause: error,
      });
    }
  }
}

/**
 * A model in the operators of the set that this engine has. What Lichen built is run as it is; files of other sets,
 * and operators that normalization folds away, are rewritten first.
 */
function runnable(model: Model): Model {
  const { inputs, nodes } = model.graph;
  const asBuilt =
    model.opset === BUILD_OPSET &&
    inputs.every((i) => i.type === ElementType.float) &&
    nodes.every(isSupported);
  return asBuilt ? model : normalize(model);
}

const ONLY_FOR_TESTS =
  "TensorFlow.js computes in JavaScript (backend 'cpu'), several hundred times slower than natively: only for tests.";
