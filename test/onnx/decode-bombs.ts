import { writeSync } from 'node:fs';
import { LichenError } from '../../src/errors.js';
import { decodeModel } from '../../src/onnx/read.js';

/** A program that decodes files made to fill the memory or never to end, and says how each was refused. */
const SIZE = 2 ** 24;

function varint(n: number): number[] {
  const bytes: number[] = [];
  for (let rest = n; ; rest = Math.floor(rest / 128)) {
    if (rest < 128) return [...bytes, rest];
    bytes.push((rest % 128) + 128);
  }
}
const field = (id: number, inner: Buffer) =>
  Buffer.concat([Buffer.from([...varint(id * 8 + 2), ...varint(inner.length)]), inner]);
const repeated = (bytes: number[]) => Buffer.alloc(SIZE, Buffer.from(bytes));
/** A model with this as its graph's content. */
const graph = (inner: Buffer) => Buffer.concat([Buffer.from([0x42, 2, 0x10, 17]), field(7, inner)]);
const tensor = (inner: Buffer) => graph(field(5, inner));

/** GraphProto in AttributeProto in NodeProto in GraphProto, to the end. */
function nested(): Buffer {
  let inner = Buffer.alloc(0);
  while (inner.length < 2 ** 16) inner = field(1, field(5, field(6, inner)));
  return graph(inner);
}

const bombs: Record<string, () => Buffer> = {
  'empty nodes': () => graph(repeated([0x0a, 0])),
  'empty inputs of nodes': () => graph(field(1, repeated([0x0a, 0]))),
  'empty attributes': () => graph(field(1, repeated([0x2a, 0]))),
  'empty constants': () => graph(repeated([0x2a, 0])),
  'empty operator sets': () => repeated([0x42, 0]),
  'empty metadata': () => repeated([0x72, 0]),
  'nodes within nodes': nested,
  'packed sizes': () => tensor(field(1, repeated([1]))),
  'sizes one by one': () => tensor(repeated([0x08, 1])),
  'packed integers': () => tensor(field(7, repeated([1]))),
  'packed floats': () => tensor(field(4, repeated([0]))),
  'integers of an attribute': () => graph(field(1, field(5, field(8, repeated([1]))))),
  'a huge declared length': () => Buffer.from([0x3a, 0xff, 0xff, 0xff, 0xff, 0x7f]),
  'a length beyond all numbers': () => Buffer.from([0x3a, ...Array(9).fill(0xff), 0x7f]),
  'a number without end': () => repeated([0xff]),
  'unknown fields': () => repeated([0x9a, 0x06, 0]),
  'one long name': () => graph(field(2, repeated([65]))),
  'a size that overflows': () => tensor(Buffer.from([0x08, ...Array(8).fill(0xff), 0x7f, 0x10, 1])),
  'sizes whose product overflows': () =>
    tensor(
      Buffer.from([
        ...Array(40)
          .fill([0x08, ...varint(2 ** 30)])
          .flat(),
        0x10,
        1,
      ]),
    ),
};

for (const [name, make] of Object.entries(bombs)) {
  const bytes = make();
  const began = performance.now();
  try {
    decodeModel(bytes);
    writeSync(1, `${name}: accepted\n`);
  } catch (error) {
    if (!(error instanceof LichenError)) throw error;
    writeSync(1, `${name}: ${error.code}, ${error.message} (${Math.round(performance.now() - began)} ms)\n`);
  }
}
writeSync(1, `done ${process.resourceUsage().maxRSS}\n`);
