import { OrtEngine } from '../../src/engine/ort.js';
import { toHalf } from '../../src/onnx/float16.js';
import {
  type ConstantTensor,
  ElementType,
  floats,
  int,
  type Model,
  type Node,
  node,
  type ValueInfo,
} from '../../src/onnx/model.js';

type Range = [number, number];

/** The least and the largest value of every tensor that a network of one input computes for some inputs. */
export async function calibrate(
  model: Model,
  inputs: Float32Array,
  dims: number[],
): Promise<Map<string, Range>> {
  const names = model.graph.nodes.flatMap((n) => n.outputs);
  const outputs: ValueInfo[] = names.map((name) => ({ name, type: ElementType.float }));
  const program = await new OrtEngine().compile(
    { ...model, graph: { ...model.graph, outputs } },
    { arena: false },
  );
  const input = model.graph.inputs[0]!.name;
  const all = await program.run({ [input]: { dims, data: inputs } });
  await program.close();
  const range = (data: Float32Array): Range =>
    data.reduce<Range>(([low, high], v) => [Math.min(low, v), Math.max(high, v)], [0, 0]);
  return new Map([
    [input, range(inputs)],
    ...Object.entries(all).map(([name, { data }]) => [name, range(data)] as [string, Range]),
  ]);
}

/**
 * Quantizes a network of Conv, Clip, Relu and others to 8 bits as onnxruntime's own tool does (QDQ): weights by
 * output channel, biases in 32 bits, activations by their range; a Relu or Clip whose work the range does is
 * dropped.
 * @param domain operator set of the quantizing operators
 */
export function quantized(model: Model, ranges: ReadonlyMap<string, Range>, domain = ''): Model {
  const { graph } = model;
  const initializers = new Map(graph.initializers);
  const nodes: Node[] = [];
  const outputs = new Set(graph.outputs.map((o) => o.name));
  const readers = (name: string) => graph.nodes.filter((n) => n.inputs.includes(name));
  const renamed = new Map<string, string>();
  const scales = new Map<string, number>();
  const add = (name: string, t: ConstantTensor) => {
    initializers.set(name, t);
    return name;
  };
  const activation = (name: string) => {
    const [low, high] = ranges.get(name)!;
    const scale = Math.fround((high - low) / 255) || 1;
    scales.set(`${name}.dq`, scale);
    const parameters = [
      add(`${name}.scale`, floats([scale], [])),
      add(`${name}.zero`, {
        type: ElementType.uint8,
        dims: [],
        data: Uint8Array.of(Math.round(-low / scale)),
      }),
    ];
    nodes.push({ ...node('QuantizeLinear', [name, ...parameters], [`${name}.q`]), domain });
    nodes.push({ ...node('DequantizeLinear', [`${name}.q`, ...parameters], [`${name}.dq`]), domain });
  };
  const constant = (name: string, per: number[], type: 'int8' | 'int32') => {
    const w = initializers.get(name)!;
    const each = w.data.length / per.length;
    const rounded = (w.data as Float32Array).map((v, i) => Math.round(v / per[Math.floor(i / each)]!));
    const data = type === 'int8' ? Int8Array.from(rounded) : Int32Array.from(rounded);
    const inputs = [
      add(`${name}.${type}`, { type: ElementType[type], dims: w.dims, data }),
      add(`${name}.${type}.scale`, floats(per, [per.length])),
    ];
    nodes.push({ ...node('DequantizeLinear', inputs, [`${name}.dq`], { axis: int(0) }), domain });
    return `${name}.dq`;
  };
  for (const i of graph.inputs) activation(i.name);
  for (const n of graph.nodes) {
    if (renamed.has(n.outputs[0]!)) continue;
    const inputs = n.inputs.map((i) => (scales.has(`${i}.dq`) ? `${i}.dq` : i));
    if (n.op === 'Conv') {
      const w = graph.initializers.get(n.inputs[1]!)!;
      const each = w.data.length / w.dims[0]!;
      const per = Array.from({ length: w.dims[0]! }, (_, c) => {
        const peak = (w.data as Float32Array)
          .subarray(c * each, (c + 1) * each)
          .reduce((m, v) => Math.max(m, Math.abs(v)), 0);
        return Math.fround(peak / 127) || 1;
      });
      inputs[1] = constant(n.inputs[1]!, per, 'int8');
      const x = scales.get(inputs[0]!)!;
      if (n.inputs[2])
        inputs[2] = constant(
          n.inputs[2],
          per.map((s) => Math.fround(s * x)),
          'int32',
        );
    }
    const [next, ...others] = readers(n.outputs[0]!);
    let out = n.outputs[0]!;
    if (n.op === 'Conv' && next && others.length === 0 && ['Relu', 'Clip'].includes(next.op)) {
      out = next.outputs[0]!;
      renamed.set(out, n.outputs[0]!);
    }
    nodes.push({ ...n, inputs, outputs: [out] });
    if (!outputs.has(out)) activation(out);
  }
  const read = new Set(nodes.flatMap((n) => n.inputs));
  return {
    ...model,
    ...(domain && { domains: { [domain]: 1 } }),
    graph: { ...graph, nodes, initializers: new Map([...initializers].filter(([name]) => read.has(name))) },
  };
}

/** The same network in half precision, its input and output, too. */
export function halved(model: Model): Model {
  const { graph } = model;
  const info = (v: ValueInfo): ValueInfo => ({ ...v, type: ElementType.float16 });
  const tensor = (t: ConstantTensor): ConstantTensor =>
    t.type === ElementType.float
      ? { type: ElementType.float16, dims: t.dims, data: toHalf(t.data as Float32Array) }
      : t;
  return {
    ...model,
    graph: {
      ...graph,
      initializers: new Map([...graph.initializers].map(([name, t]) => [name, tensor(t)])),
      inputs: graph.inputs.map(info),
      outputs: graph.outputs.map(info),
    },
  };
}

/** Root mean square of the difference, by that of the values. */
export function relativeError(a: Float32Array, b: Float32Array): number {
  let [error, size] = [0, 0];
  for (let i = 0; i < b.length; i++) {
    error += (a[i]! - b[i]!) ** 2;
    size += b[i]! ** 2;
  }
  return Math.sqrt(error / size);
}
