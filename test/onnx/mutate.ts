import { type Model, node } from '../../src/onnx/model.js';
import { modelProto } from '../../src/onnx/proto.js';
import { encodeModel } from '../../src/onnx/write.js';
import type { Random } from '../../src/random.js';
import { tinyModel } from '../backbone/tiny-backbone.js';
import { oneToOne } from './models.js';
import { cases } from './operators.js';
import { halved, quantized } from './quantize.js';

/** Small models of every operator that is read, in the newest of the sets of each, and networks of several. */
export function smallModels(): Model[] {
  const one = cases.map(({ nodes, opsets, constants = {}, dims = [2, 4, 5, 5] }) => {
    const opset = opsets.at(-1)!;
    return oneToOne(nodes(opset), constants, opset, ['N', ...dims.slice(1)]);
  });
  const tiny = tinyModel();
  const names = [tiny.graph.inputs[0]!.name, ...tiny.graph.nodes.flatMap((n) => n.outputs)];
  const ranges = new Map(names.map((name) => [name, [-1, 2] as [number, number]]));
  const shaped = oneToOne(
    [
      node('Shape', ['x'], ['s']),
      node('Concat', ['s', 's'], ['t'], { axis: { kind: 'int', value: 0 } }),
      node('Cast', ['t'], ['y'], { to: { kind: 'int', value: 1 } }),
    ],
    {},
    17,
    ['N', 4],
  );
  return [...one, tiny, halved(tiny), quantized(tiny, ranges), shaped];
}

type Fields = { [key: string]: unknown };

const NUMBERS = [
  0,
  1,
  -1,
  2,
  3,
  7,
  8,
  16,
  127,
  255,
  65536,
  2 ** 31 - 1,
  -(2 ** 31),
  2 ** 40,
  2 ** 53,
  -(2 ** 62),
];
const NAMES = [
  '',
  'x',
  'y',
  'w',
  '__proto__',
  'constructor',
  'toString',
  'Relu',
  'Conv',
  'Reshape',
  'com.microsoft',
  '\u0000',
  'ä'.repeat(300),
];

/** Changes some fields of an encoded model: numbers, names, lists, and what is there at all. */
export function changeFields(bytes: Uint8Array, random: Random, changes: number): Uint8Array {
  const type = modelProto();
  const proto = type.toObject(type.decode(bytes), { longs: Number }) as Fields;
  const pick = <T>(list: readonly T[]): T => list[random.int(list.length)]!;
  for (let i = 0; i < changes; i++) {
    const places: [Fields | unknown[], string][] = [];
    const walk = (value: unknown) => {
      if (value === null || typeof value !== 'object' || value instanceof Uint8Array) return;
      // Lists of numbers are as long as tensors: a few places of each are enough.
      for (const key of Object.keys(value).slice(0, 64)) {
        places.push([value as Fields, key]);
        walk((value as Fields)[key]);
      }
    };
    walk(proto);
    const [at, key] = pick(places);
    const old = (at as Fields)[key];
    const set = (value: unknown) => {
      (at as Fields)[key] = value;
    };
    if (random.int(8) === 0) {
      if (Array.isArray(at)) at.splice(Number(key), 1);
      else delete at[key];
    } else if (typeof old === 'number') set(random.int(3) === 0 ? old + pick([-1, 1, 2]) : pick(NUMBERS));
    else if (typeof old === 'string') {
      const others = places.map(([o, k]) => (o as Fields)[k]).filter((v) => typeof v === 'string');
      set(random.int(2) === 0 ? pick(NAMES) : pick(others));
    } else if (old instanceof Uint8Array) set(changeBytes(old, random, 1));
    else if (Array.isArray(old)) {
      const copies = random.int(3);
      if (copies === 0) set([]);
      else if (copies === 1) set([...old, ...old]);
      else set(old.toReversed());
    } else if (Array.isArray(at)) at.push(structuredClone(old));
  }
  return type.encode(type.fromObject(proto)).finish();
}

/** Changes an encoded model with no respect for fields: bits, bytes, cuts, and pieces put elsewhere. */
export function changeBytes(bytes: Uint8Array, random: Random, changes: number, other = bytes): Uint8Array {
  let now = Uint8Array.from(bytes);
  for (let i = 0; i < changes; i++) {
    const at = random.int(now.length + 1);
    const length = random.int(Math.min(64, now.length - at) + 1);
    const join = (...parts: Uint8Array[]) => Uint8Array.from(Buffer.concat(parts));
    const kind = random.int(7);
    if (kind === 0 && at < now.length) now[at]! ^= 1 << random.int(8);
    else if (kind === 1 && at < now.length) now[at] = random.int(256);
    else if (kind === 2) now = now.slice(0, at);
    else if (kind === 3) now = join(now.subarray(0, at), now.subarray(at + length));
    else if (kind === 4) now = join(now.subarray(0, at + length), now.subarray(at));
    else if (kind === 5) {
      const from = random.int(other.length + 1);
      now = join(now.subarray(0, at), other.subarray(from, from + length), now.subarray(at));
    } else if (at < now.length) now[at] = 255;
  }
  return now;
}

export const encodedSmallModels = (): Uint8Array[] => smallModels().map(encodeModel);
