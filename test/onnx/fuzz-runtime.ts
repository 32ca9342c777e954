import { readFileSync, writeSync } from 'node:fs';
import { OrtEngine } from '../../src/engine/ort.js';
import { LichenError } from '../../src/errors.js';
import { sizeOf } from '../../src/onnx/model.js';
import { decodeModel } from '../../src/onnx/read.js';
import { Random } from '../../src/random.js';
import { FAMILIES, fixtureFile } from '../fixtures/families.js';
import { changeBytes, changeFields, encodedSmallModels } from './mutate.js';

/**
 * A program that gives damaged models to the runtime, which could end the whole process. Before each one it says
 * which: the last line is the one that did. Damaged are models of every operator, or networks of every family.
 */
const [from = 0, to = 1] = process.argv.slice(2, 4).map(Number);
const which = process.argv[4];
const verbose = process.argv.includes('verbose');
const engine = new OrtEngine();
const models =
  which === 'families'
    ? FAMILIES.map((family) => readFileSync(fixtureFile(`${family}.onnx`)))
    : encodedSmallModels();
const counts: Record<string, number> = {};
const count = (what: string) => {
  counts[what] = (counts[what] ?? 0) + 1;
};

for (let i = from; i < to; i++) {
  const random = new Random(i);
  const intact = models[i % models.length]!;
  // One in three is damaged below the level of fields.
  const change = i % 3 === 0 ? changeBytes : changeFields;
  const bytes = change(intact, random, 1 + random.int(3));
  writeSync(1, `at ${i}\n`);
  try {
    const model = decodeModel(bytes);
    count('decoded');
    if (verbose)
      console.error(JSON.stringify(model.graph.nodes), JSON.stringify(model.graph.inputs), model.opset);
    const program = await engine.compile(model, { threads: 1, arena: false });
    count('compiled');
    const feeds = model.graph.inputs.map(({ name, dims }) => {
      const given = (dims ?? []).map((d) => (typeof d === 'number' ? d : 2));
      const fits = sizeOf(given) < 1e6 ? given : [1];
      return [name, { dims: fits, data: new Float32Array(sizeOf(fits)).fill(0.5) }] as const;
    });
    try {
      await program.run(Object.fromEntries(feeds));
      count('run');
    } finally {
      await program.close();
    }
  } catch (error) {
    if (!(error instanceof LichenError)) throw error;
    count(error.code);
  }
}
writeSync(1, `done ${JSON.stringify(counts)}, ${process.resourceUsage().maxRSS} kB\n`);
