import { parseArgs } from 'node:util';
import { openEngine } from '../../../src/engine/choose.js';
import { residentBytes } from '../../../src/process-memory.js';
import { BENCHMARKS } from '../benchmarks.js';
import { runContinual } from '../run.js';

/** Entry of Lichen's side of `lichen bench avalanche`: one method, in a process of its own; prints one line of JSON. */
const { values } = parseArgs({
  options: {
    method: { type: 'string', default: 'naive' },
    benchmark: { type: 'string', default: 'permuted-mnist-avalanche' },
    seed: { type: 'string', default: '0' },
    threads: { type: 'string', default: '1' },
  },
});
const { method, benchmark } = values;
const engine = openEngine('ort');
const { acc, seconds, cpuSeconds } = await runContinual(
  { engine, data: '', say: () => {} },
  method,
  benchmark,
  BENCHMARKS[benchmark]!,
  Number(values.seed),
  () => {},
  Number(values.threads),
);
// The peak is of the process's whole life, reading and testing included: more than is told of the other side.
const peakRssBytes = residentBytes('VmHWM');
const versions = { node: process.versions.node, onnxruntime: engine.version };
process.stdout.write(`${JSON.stringify({ acc, seconds, cpuSeconds, peakRssBytes, versions })}\n`);
