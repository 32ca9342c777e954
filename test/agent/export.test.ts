import * as ort from 'onnxruntime-node';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest';
import { exportModel } from '../../src/agent/export.js';
import { trainTask } from '../../src/agent/train-task.js';
import { readPicture } from '../../src/backbone/picture.js';
import { encodeModel } from '../../src/onnx/write.js';
import type { Answer } from '../../src/recognize/answer.js';
import type { Isolation } from '../../src/store/tasks.js';
import { scratchFolder } from '../store/scratch.js';
import { latentsOf, type Photograph, photographs, splitPhotographs } from './pictures.js';
import { type Bedrock, openBedrock, Rooms } from './rooms.js';

const scratch = scratchFolder();
let bedrock: Bedrock;
let pictures: Photograph[];
let asked: Photograph[];
let latents: Uint8Array[];
let rooms: Rooms;

beforeAll(async () => {
  bedrock = await openBedrock();
  pictures = ['bag', 'sandal', 'trouser'].flatMap((label) => splitPhotographs(label, 5, 0));
  asked = ['bag', 'sandal', 'trouser'].flatMap((label) => photographs(label, 2, { part: 'test' }));
  latents = await latentsOf(bedrock.backbone, bedrock.trunk, pictures);
});
afterAll(() => bedrock.trunk.close());
beforeEach(async () => {
  rooms = await Rooms.open(bedrock, scratch.path('store'));
});
afterEach(() => rooms.close());

/** What plain onnxruntime answers with the exported file, beside what the agent answers. */
async function compare(task: string): Promise<{ metadata: Map<string, string>; answers: Answer[] }> {
  const model = await exportModel(bedrock.backbone, rooms.store, task);
  const session = await ort.InferenceSession.create(encodeModel(model));
  const { input } = bedrock.backbone.manifest;
  const answers = await rooms.recognizer.classify(
    await latentsOf(bedrock.backbone, bedrock.trunk, asked),
    task,
  );
  const classes = JSON.parse(model.metadata!['lichen.classes']!) as string[];
  for (const [i, picture] of asked.entries()) {
    const data = await readPicture(picture.bytes, input);
    const dims = [1, 3, input.height, input.width];
    const out = await session.run({ [input.name]: new ort.Tensor('float32', data, dims) });
    const p = [...(out.probabilities!.data as Float32Array)];
    expect(p).toHaveLength(classes.length);
    expect(p.reduce((a, b) => a + b, 0)).toBeCloseTo(1, 4);
    const answer = answers[i]!;
    expect(classes[p.indexOf(Math.max(...p))]).toBe(answer.label);
    // The agent rounds latents to bytes; the file does not.
    for (const { label, probability } of answer.all) {
      expect(Math.abs(p[classes.indexOf(label)]! - probability)).toBeLessThan(0.1);
    }
  }
  await session.release();
  return { metadata: new Map(Object.entries(model.metadata!)), answers };
}

it('exports the instant answer', async () => {
  await rooms.keep('goods', pictures, latents);
  rooms.discriminants.save();
  const { metadata, answers } = await compare('goods');
  expect(metadata.get('lichen.version')).toBe('instant');
  expect(metadata.get('lichen.backbone')).toBe(bedrock.backbone.id.sha256);
  expect(answers.filter((a, i) => a.label === asked[i]!.label).length).toBeGreaterThanOrEqual(5);
});

it.each<Isolation>(['piggyback', 'pnn'])('exports a trained version (%s)', async (isolation) => {
  await rooms.keep('goods', pictures, latents, isolation);
  const task = rooms.store.tasks.require('goods');
  await trainTask(bedrock.engine, bedrock.backbone, rooms.store, task, rooms.samples('goods'), {
    isolation,
    rehearsal: 'er',
    learner: { epochs: 2, batch: 8, seed: 1, threads: 1 },
  });
  const { metadata, answers } = await compare('goods');
  expect(metadata.get('lichen.version')).toBe('1');
  expect(answers.every((a) => a.version === 1)).toBe(true);
});

it('says that there is nothing to export yet', async () => {
  await expect(exportModel(bedrock.backbone, rooms.store, 'none')).rejects.toMatchObject({
    code: 'task-unknown',
  });
  rooms.store.tasks.create({ name: 'empty', isolation: 'pnn', backbone: bedrock.backbone.id });
  await expect(exportModel(bedrock.backbone, rooms.store, 'empty')).rejects.toMatchObject({
    code: 'task-untrained',
  });
});
