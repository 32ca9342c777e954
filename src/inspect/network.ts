import { loadManifest } from '../backbone/manifest.js';
import { LichenError, messageOf } from '../errors.js';
import { subModel } from '../onnx/cut.js';
import type { Model, ValueInfo } from '../onnx/model.js';
import { normalize } from '../onnx/normalize.js';
import { decodeModel, readModel } from '../onnx/read.js';
import { floatTwin } from './float-twin.js';

/** A network as it is looked at. */
export interface Network {
  file: string;
  /** The manifest's name, or null where the file is a bare ONNX model. */
  manifest: string | null;
  /** As in the file, from the input to the features. */
  raw: Model;
  /** The same, normalized: batch normalization folded, operators in the forms that training knows. */
  model: Model;
  /**
   * Why the network as a whole is no crown: it computes with integers somewhere, and `model` is its float twin there. Null
   * where it is one.
   */
  integers: string | null;
  opset: number;
  input: string;
  /** Shape of the input for one sample: the batch is 1. */
  inputShape: number[];
  /** The output that heads are put on. */
  features: string;
  /** Outputs that are not looked at. */
  otherOutputs: string[];
  /** Where the manifest cuts. */
  split: string | null;
}

/**
 * Reads a network from an ONNX file or a manifest (`.json`).
 * @param inputShape sizes of the input, batch first, where the file leaves them open
 * @throws LichenError as `readModel`, `loadManifest` and `normalize` do; `inspect-input` where the network has
 *   not just one input, or its sizes are not known or not those of the file
 */
export function openNetwork(file: string, inputShape?: readonly number[]): Network {
  if (!file.endsWith('.json')) {
    const model = readModel(file);
    const [first, ...others] = model.graph.outputs.map((o) => o.name);
    if (first === undefined) throw new LichenError('onnx-invalid', `${file} has no output`);
    return networkOf(file, model, { features: first, others, manifest: null, split: null }, inputShape);
  }
  const { manifest, model: bytes, modelFile, external } = loadManifest(file);
  const model = decodeModel(bytes, modelFile, external);
  const outputs = model.graph.outputs.map((o) => o.name);
  if (!outputs.includes(manifest.features)) {
    throw new LichenError(
      'backbone-invalid',
      `${file} names the features '${manifest.features}', but ${modelFile} has the outputs ${outputs.join(', ')}`,
    );
  }
  const { width, height } = manifest.input;
  const chosen = {
    features: manifest.features,
    others: outputs.filter((o) => o !== manifest.features),
    manifest: manifest.name,
    split: manifest.split,
  };
  return networkOf(file, model, chosen, inputShape ?? [1, 3, height, width]);
}

function networkOf(
  file: string,
  model: Model,
  chosen: { features: string; others: string[]; manifest: string | null; split: string | null },
  inputShape?: readonly number[],
): Network {
  const inputs = model.graph.inputs.map((i) => i.name);
  if (inputs.length !== 1) {
    throw new LichenError(
      'inspect-input',
      `${file} has ${inputs.length} inputs${inputs.length > 0 ? ` (${inputs.join(', ')})` : ''}; a backbone has one: the ` +
        'picture. Export the network with the others as constants',
    );
  }
  const [input] = model.graph.inputs as [ValueInfo];
  const shape = shapeOfInput(file, input, inputShape);
  const output = model.graph.outputs.find((o) => o.name === chosen.features)!;
  const raw = subModel(model, model.graph.inputs, [output]);
  const typed: ValueInfo = { ...input, dims: shape };
  return {
    file,
    manifest: chosen.manifest,
    raw,
    ...normalizedOrTwin({ ...raw, graph: { ...raw.graph, inputs: [typed] } }),
    opset: model.opset,
    input: input.name,
    inputShape: shape,
    features: chosen.features,
    otherOutputs: chosen.others,
    split: chosen.split,
  };
}

/**
 * A trunk may compute with integers, a crown may not: where the whole network cannot be normalized for them, its float
 * twin is. @throws LichenError as `normalize` does, where that does not help
 */
function normalizedOrTwin(typed: Model): Pick<Network, 'model' | 'integers'> {
  try {
    return { model: normalize(typed), integers: null };
  } catch (error) {
    if (!(error instanceof LichenError)) throw error;
    try {
      return { model: normalize(floatTwin(typed)), integers: messageOf(error) };
    } catch {
      throw error;
    }
  }
}

/** The input's shape for one sample: the file's sizes, and where they are open, the given ones. */
function shapeOfInput(file: string, input: ValueInfo, given?: readonly number[]): number[] {
  const written = input.dims ? `[${input.dims.map((d) => d ?? '?').join(', ')}]` : 'no shape';
  const refuse = (why: string) =>
    new LichenError(
      'inspect-input',
      `the input '${input.name}' of ${file} has ${written} ${why}, such as --input 1,3,224,224`,
    );
  if (given === undefined) {
    const rest = input.dims?.slice(1);
    if (!rest?.every((d) => typeof d === 'number' && d > 0)) {
      throw refuse('in the file, which leaves sizes open: give them with --input');
    }
    return [1, ...(rest as number[])];
  }
  if (given[0] !== 1) throw refuse(`and is looked at for one sample: begin with 1`);
  const fits =
    input.dims === undefined ||
    (input.dims.length === given.length &&
      input.dims.every((d, i) => i === 0 || typeof d !== 'number' || d === given[i]));
  if (!fits) throw refuse(`in the file, which [${given.join(', ')}] does not fit: give sizes that do`);
  return [...given];
}
