import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Backbone } from '../../src/backbone/backbone.js';
import { OrtEngine } from '../../src/engine/ort.js';
import { TaskNetwork } from '../../src/learn/network.js';
import { StreamingDiscriminant } from '../../src/learn/streaming/slda.js';
import { Recognizer } from '../../src/recognize/recognizer.js';
import { bareModel } from '../../src/recognize/task-model.js';
import { openStore, type Store } from '../../src/store/store.js';
import { smallBackbone } from '../learn/small-backbone.js';
import { patternSamples } from '../learn/small-crown.js';
import { scratchFolder } from '../store/scratch.js';
import { addVersion, learnInstantly, type Seen } from './device.js';

const engine = new OrtEngine();
const scratch = scratchFolder();
let backbone: Backbone;
let store: Store;
let recognizer: Recognizer;

/** Samples of six patterns: three are one task's classes, three another's. */
function samples(seed: number): Record<'left' | 'right', Seen> {
  const { latents, labels } = patternSamples(180, 6, seed);
  const part = (from: number, names: string[]): Seen => {
    const chosen = labels.flatMap((l, i) => (l >= from && l < from + 3 ? [i] : []));
    return { latents: chosen.map((i) => latents[i]!), labels: chosen.map((i) => names[labels[i]! - from]!) };
  };
  return { left: part(0, ['a', 'b', 'c']), right: part(3, ['x', 'y', 'z']) };
}

beforeEach(async () => {
  backbone = await smallBackbone(scratch.path('backbone'), engine);
  store = openStore(scratch.path('store'));
  recognizer = new Recognizer(engine, backbone, store);
});
afterEach(async () => {
  await recognizer.close();
  store.close();
});

const instantly = async (...names: ('left' | 'right')[]) => {
  const seen = samples(1);
  for (const name of names) await learnInstantly(engine, backbone, store, name, seen[name]);
};
const share = (given: { label: string }[], { labels }: Seen) =>
  given.filter((g, i) => g.label === labels[i]).length / labels.length;

describe('an answer', () => {
  it('has the task, the label, and every class with its probability, likeliest first', async () => {
    await instantly('left');
    const test = samples(2).left;
    const given = await recognizer.classify(test.latents, 'left');
    expect(given).toHaveLength(test.latents.length);
    for (const a of given) {
      expect(a).toMatchObject({
        task: 'left',
        version: 'instant',
        label: a.all[0]!.label,
        probability: a.all[0]!.probability,
      });
      expect(a.all.map((c) => c.label).sort()).toEqual(['a', 'b', 'c']);
      expect(a.all.reduce((sum, c) => sum + c.probability, 0)).toBeCloseTo(1, 4);
      const probabilities = a.all.map((c) => c.probability);
      expect(probabilities).toEqual([...probabilities].sort((p, q) => q - p));
    }
    expect(share(given, test)).toBeGreaterThan(0.8);
    expect(await recognizer.classify([], 'left')).toEqual([]);
  });

  it('is from the version that the task runs now, once what ran before is forgotten', async () => {
    await instantly('left');
    const [latent] = samples(2).left.latents;
    expect((await recognizer.classify([latent!], 'left'))[0]!.version).toBe('instant');
    const first = addVersion(backbone, store, 'left', 'b');
    // Until it is told, it answers by what it has loaded.
    expect((await recognizer.classify([latent!], 'left'))[0]!.version).toBe('instant');
    await recognizer.forget('left');
    expect((await recognizer.classify([latent!], 'left'))[0]).toMatchObject({
      version: first.number,
      label: 'b',
    });
    const second = addVersion(backbone, store, 'left', 'c');
    await recognizer.forget('left');
    expect((await recognizer.classify([latent!], 'left'))[0]).toMatchObject({
      version: second.number,
      label: 'c',
    });
    store.versions.rollback('left');
    await recognizer.forget('left');
    expect((await recognizer.classify([latent!], 'left'))[0]).toMatchObject({
      version: first.number,
      label: 'b',
    });
  });

  it('has the classes that its version knows, not those that came to the task later', async () => {
    await instantly('left');
    addVersion(backbone, store, 'left', 'b');
    store.tasks.addClass('left', 'd');
    const [answer] = await recognizer.classify(samples(2).left.latents.slice(0, 1), 'left');
    expect(answer!.all.map((c) => c.label).sort()).toEqual(['a', 'b', 'c']);
  });

  it('is taken from the discriminant in memory where there is one', async () => {
    await instantly('left', 'right');
    const live = StreamingDiscriminant.decode(store.discriminants.load('right')!.state);
    const other = new Recognizer(engine, backbone, store, {
      live: (task) => (task === 'left' ? live : undefined),
    });
    const [answer] = await other.classify(samples(2).left.latents.slice(0, 1), 'left');
    expect(answer!.all.map((c) => c.label).sort()).toEqual(['x', 'y', 'z']);
    await other.close();
  });
});

describe('without a task', () => {
  it('the one that explains the sample best answers, each sample by its own', async () => {
    await instantly('left', 'right');
    const { left, right } = samples(2);
    const mixed = left.latents.flatMap((l, i) => [l, right.latents[i]!]);
    const truth = left.labels.flatMap((l, i) => [`left/${l}`, `right/${right.labels[i]}`]);
    const given = (await recognizer.classify(mixed)).map((a) => `${a.task}/${a.label}`);
    expect(given.filter((g, i) => g === truth[i]).length / truth.length).toBeGreaterThan(0.7);
    expect(
      given.filter((g, i) => g.split('/')[0] === truth[i]!.split('/')[0]).length / truth.length,
    ).toBeGreaterThan(0.8);
  });

  it('the only task answers', async () => {
    await instantly('right');
    const [answer] = await recognizer.classify(samples(2).left.latents.slice(0, 1));
    expect(answer!.task).toBe('right');
  });

  it('a new task takes part once it is told of', async () => {
    await instantly('left');
    store.tasks.create({ name: 'empty', isolation: 'piggyback', backbone: backbone.id });
    const test = samples(2).right;
    expect((await recognizer.classify(test.latents)).every((a) => a.task === 'left')).toBe(true);
    await instantly('right');
    await recognizer.forget('right');
    const given = await recognizer.classify(test.latents);
    expect(given.filter((a) => a.task === 'right').length / given.length).toBeGreaterThan(0.8);
  });
});

describe('what cannot be answered', () => {
  it('is said, and is answered as soon as it can be', async () => {
    const [latent] = samples(2).left.latents;
    await expect(recognizer.classify([latent!])).rejects.toMatchObject({ code: 'task-unknown' });
    await expect(recognizer.classify([latent!], 'left')).rejects.toMatchObject({ code: 'task-unknown' });
    store.tasks.create({
      name: 'left',
      isolation: 'piggyback',
      backbone: backbone.id,
      classes: ['a', 'b', 'c'],
    });
    store.tasks.create({
      name: 'right',
      isolation: 'piggyback',
      backbone: backbone.id,
      classes: ['x', 'y', 'z'],
    });
    await expect(recognizer.classify([latent!], 'left')).rejects.toMatchObject({ code: 'task-untrained' });
    await expect(recognizer.classify([latent!])).rejects.toMatchObject({ code: 'task-untrained' });
    await instantly('left', 'right');
    // Nobody tells of it: what failed is not kept.
    expect(await recognizer.classify([latent!], 'left')).toHaveLength(1);
    expect(await recognizer.classify([latent!])).toHaveLength(1);
  });

  it('is a task of another backbone', async () => {
    await instantly('left');
    addVersion(backbone, store, 'left', 'a');
    const { sha256, split } = backbone.id;
    const foreign = { ...backbone.id, sha256: sha256.replace(/^./, (c) => (c === '0' ? '1' : '0')) };
    const tasks = store.tasks;
    tasks.create({ name: 'other', isolation: 'piggyback', backbone: foreign, classes: ['p', 'q'] });
    addVersion(backbone, store, 'other', 'p');
    const [latent] = samples(2).left.latents;
    await expect(recognizer.classify([latent!], 'other')).rejects.toMatchObject({
      code: 'backbone-foreign',
      message: expect.stringContaining(`${sha256.slice(0, 12)}, cut at ${split}`),
    });
    expect(await recognizer.classify([latent!], 'left')).toHaveLength(1);
    // It is not among those that a task is chosen from, either.
    expect((await recognizer.classify([latent!]))[0]!.task).toBe('left');
  });

  it('is a task of another backbone that has only labels yet', async () => {
    const elsewhere = await smallBackbone(scratch.path('elsewhere'), engine, 'elsewhere');
    expect(elsewhere.id.sha256).not.toBe(backbone.id.sha256);
    await learnInstantly(engine, elsewhere, store, 'left', samples(1).left);
    const [latent] = samples(2).left.latents;
    for (const task of ['left', undefined]) {
      await expect(recognizer.classify([latent!], task)).rejects.toMatchObject({ code: 'backbone-foreign' });
    }
  });
});

describe('forgetting', () => {
  it('while answers are being made harms none of them', async () => {
    await instantly('left', 'right');
    const { left, right } = samples(2);
    const wanted = await recognizer.classify(left.latents, 'left');
    await recognizer.forget();
    const work: Promise<unknown>[] = [];
    const given: Promise<unknown>[] = [];
    for (let i = 0; i < 6; i++) {
      given.push(recognizer.classify(left.latents, 'left'));
      work.push(recognizer.forget('left'));
      work.push(recognizer.classify([...left.latents, ...right.latents]));
      work.push(recognizer.forget());
      await new Promise((resolve) => setImmediate(resolve));
    }
    await Promise.all(work);
    for (const answers of await Promise.all(given)) expect(answers).toEqual(wanted);
  });
});

describe('novelty', () => {
  const rule = (heldOut: readonly Uint8Array[], falseAlarms = 0.05) => ({
    falseAlarms,
    heldOut: () => [...heldOut],
  });
  const withRule = (given: ReturnType<typeof rule>) =>
    new Recognizer(engine, backbone, store, { novelty: given });

  it('calls samples of another kind novel, and known ones seldom, also with a single task', async () => {
    await instantly('left');
    const other = withRule(rule(samples(3).left.latents));
    const known = await other.classify(samples(2).left.latents);
    expect(known.filter((a) => a.novel).length / known.length).toBeLessThan(0.15);
    expect(known.every((a) => a.pValue! > 0 && a.pValue! <= 1)).toBe(true);
    const foreign = await other.classify(samples(2).right.latents);
    expect(foreign.filter((a) => a.novel).length / foreign.length).toBeGreaterThan(0.35);
    await other.close();
  });

  it('is told of a task that was named by its own classes, whatever explains a sample otherwise', async () => {
    await instantly('left', 'right');
    const own: Record<string, readonly Uint8Array[]> = {
      left: samples(3).left.latents,
      right: samples(3).right.latents,
    };
    const other = new Recognizer(engine, backbone, store, {
      novelty: { falseAlarms: 0.05, heldOut: (tasks) => tasks.flatMap((t) => [...own[t]!]) },
    });
    const novel = (answers: readonly { novel: boolean }[]) =>
      answers.filter((a) => a.novel).length / answers.length;
    const foreign = await other.classify(samples(2).right.latents, 'left');
    expect(foreign.every((a) => a.task === 'left')).toBe(true);
    expect(novel(foreign)).toBeGreaterThan(0.35);
    expect(novel(await other.classify(samples(2).left.latents, 'left'))).toBeLessThan(0.15);
    // To both together they are known.
    expect(novel(await other.classify(samples(2).right.latents))).toBeLessThan(0.15);
    const asOwn = await other.classifyOwn(samples(2).right.latents, 'left');
    expect(asOwn.some((a) => a.novel || a.pValue !== undefined)).toBe(false);
    expect(asOwn.map((a) => a.all)).toEqual(foreign.map((a) => a.all));
    await other.close();
  });

  it('is not told of a named task of which no sample was seen here', async () => {
    await instantly('left');
    const { classes } = store.tasks.require('left');
    store.tasks.create({ name: 'pack', isolation: 'piggyback', backbone: backbone.id, classes });
    addVersion(backbone, store, 'pack', 'b');
    const other = withRule(rule(samples(3).left.latents));
    const answers = await other.classify(samples(2).right.latents, 'pack');
    expect(answers.some((a) => a.novel || a.pValue !== undefined)).toBe(false);
    await other.close();
  });

  it('is not told with too few held-out samples', async () => {
    await instantly('left');
    const few = withRule(rule(samples(3).left.latents.slice(0, 10)));
    const found = await few.classify(samples(2).right.latents);
    expect(found.some((a) => a.novel)).toBe(false);
    expect(found[0]!.pValue).toBeUndefined();
    await few.close();
  });

  it('goes by a new class at once, and by more samples of a known one as soon as it is made anew', async () => {
    await instantly('left');
    const other = withRule(rule([...samples(3).left.latents, ...samples(3).right.latents]));
    await other.classify(samples(2).left.latents);
    await instantly('right');
    await other.forget('right');
    const right = await other.classify(samples(2).right.latents);
    expect(right.filter((a) => a.task === 'right').length / right.length).toBeGreaterThan(0.8);
    // The same classes, of which more was seen: who asks meanwhile is answered.
    await other.forget('left');
    const [first, second] = await Promise.all([
      other.classify(samples(2).left.latents),
      other.classify(samples(2).left.latents),
    ]);
    expect(first).toEqual(second);
    await other.settled();
    expect(await other.classify(samples(2).left.latents)).toEqual(first);
    await other.close();
  });
});

describe('in a hurry', () => {
  it('does not call novel what was labelled, nor gives it to another task', async () => {
    await instantly('left', 'right');
    const lives = new Map(
      (['left', 'right'] as const).map((t) => [
        t as string,
        StreamingDiscriminant.decode(store.discriminants.load(t)!.state),
      ]),
    );
    const [seen, other] = [samples(3), samples(2)];
    const hurried = new Recognizer(engine, backbone, store, {
      novelty: { falseAlarms: 0.2, heldOut: () => [...seen.left.latents, ...seen.right.latents] },
      live: (task) => lives.get(task),
      hurry: true,
    });
    const before = await hurried.classify(other.left.latents);
    const novel = before.findIndex((a) => a.novel);
    const right = before.findIndex((a) => !a.novel && a.task === 'left');
    expect(novel).toBeGreaterThanOrEqual(0);
    for (const index of [novel, right]) {
      // The owner says that it belongs to the other task.
      const latent = other.left.latents[index]!;
      await hurried.labelled('right', { id: String(index), label: 'x', latent });
      expect((await hurried.classify([latent]))[0]).toMatchObject({
        task: 'right',
        label: 'x',
        novel: false,
      });
    }
    await hurried.settled();
    const named = await hurried.classify([novel, right].map((i) => other.left.latents[i]!));
    expect(named.every((a) => a.task === 'right' && !a.novel)).toBe(true);
    // Taken back, they are what they were.
    await hurried.forget('right');
    const after = await hurried.classify([novel, right].map((i) => other.left.latents[i]!));
    expect(after.map((a) => [a.task, a.novel])).toEqual(
      [novel, right].map((i) => [before[i]!.task, before[i]!.novel]),
    );
    await hurried.close();
  });

  it('knows what was labelled within the task that was named, and not what was labelled as another', async () => {
    await instantly('left', 'right');
    const lives = new Map(
      ['left', 'right'].map((t) => [t, StreamingDiscriminant.decode(store.discriminants.load(t)!.state)]),
    );
    const hurried = new Recognizer(engine, backbone, store, {
      novelty: { falseAlarms: 0.2, heldOut: () => [...samples(3).left.latents] },
      live: (task) => lives.get(task),
      hurry: true,
    });
    const before = await hurried.classify(samples(2).right.latents, 'left');
    const latent = samples(2).right.latents[before.findIndex((a) => a.novel)]!;
    const novel = async () => (await hurried.classify([latent], 'left'))[0]!.novel;
    expect(await novel()).toBe(true);
    await hurried.labelled('right', { id: 'one', label: 'x', latent });
    expect(await novel()).toBe(true);
    await hurried.labelled('left', { id: 'one', label: 'a', latent });
    expect(await novel()).toBe(false);
    await hurried.forget('left', 'one');
    expect(await novel()).toBe(true);
    await hurried.close();
  });

  it('answers with the first labels, and as without once it has settled', async () => {
    const seen = samples(1);
    await learnInstantly(engine, backbone, store, 'left', {
      latents: seen.left.latents.slice(0, 12),
      labels: seen.left.labels.slice(0, 12),
    });
    const live = StreamingDiscriminant.decode(store.discriminants.load('left')!.state);
    const hurried = new Recognizer(engine, backbone, store, { live: () => live, hurry: true });
    const test = samples(2).left;
    expect(share(await hurried.classify(test.latents), test)).toBeGreaterThan(0.5);
    await hurried.settled();
    expect(await hurried.classify(test.latents)).toEqual(await recognizer.classify(test.latents));
    await hurried.close();
  });

  it('is as sure as held-out samples allow, once it has settled', async () => {
    const seen = samples(1).left;
    await learnInstantly(engine, backbone, store, 'left', {
      latents: seen.latents.slice(0, 12),
      labels: seen.labels.slice(0, 12),
    });
    const test = samples(2).left;
    // One owner holds out samples that are what they were called, the other samples that never are.
    const wrongly = test.labels.map((label) => ({ a: 'b', b: 'c', c: 'a' })[label]!);
    const sureness: number[] = [];
    for (const labels of [test.labels, wrongly]) {
      const live = StreamingDiscriminant.decode(store.discriminants.load('left')!.state);
      const heldOut = test.latents.map((latent, i) => ({ latent, label: labels[i]! }));
      const hurried = new Recognizer(engine, backbone, store, {
        ...{ live: () => live, hurry: true, heldOut: () => heldOut },
      });
      await hurried.classify(test.latents);
      await hurried.settled();
      const given = await hurried.classify(test.latents);
      sureness.push(given.reduce((sum, a) => sum + a.probability, 0) / given.length);
      await hurried.close();
    }
    expect(sureness[1]!).toBeLessThan(sureness[0]! - 0.1);
  });

  it('knows a class at once that the current version does not know yet', async () => {
    await instantly('left');
    const live = StreamingDiscriminant.decode(store.discriminants.load('left')!.state);
    addVersion(backbone, store, 'left', 'b');
    const hurried = new Recognizer(engine, backbone, store, { live: () => live, hurry: true });
    const { left, right } = samples(2);
    expect((await hurried.classify(left.latents, 'left')).every((a) => a.version === 1)).toBe(true);
    const xs = right.latents.filter((_, i) => right.labels[i] === 'x');
    const network = await TaskNetwork.open(engine, bareModel(backbone), backbone.latentCodec);
    const { summary } = await network.describe(xs.slice(0, 10));
    await network.close();
    store.tasks.addClass('left', 'x');
    for (let i = 0; i < 10; i++) {
      live.add(summary.data.subarray(i * summary.width, (i + 1) * summary.width), 'x');
    }
    await hurried.forget('left');
    const answers = await hurried.classify(xs.slice(10), 'left');
    const fresh = answers.filter((a) => a.label === 'x');
    expect(fresh.length / answers.length).toBeGreaterThan(0.7);
    expect(fresh.every((a) => a.version === 'instant')).toBe(true);
    await hurried.close();
  });
});
