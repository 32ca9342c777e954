import { cpSync, mkdirSync } from 'node:fs';
import { afterEach, expect, it } from 'vitest';
import { agentConfigSchema } from '../../src/agent/config.js';
import type { QueueView } from '../../src/label/api.js';
import { Daemon } from '../agent/daemon.js';
import { type Photograph, photographs } from '../agent/pictures.js';
import { until } from '../link/until.js';
import { scratchFolder } from '../store/scratch.js';
import { Owner } from './owner.js';

const scratch = scratchFolder();
let daemon: Daemon | undefined;
afterEach(async () => {
  await daemon?.stop();
  daemon = undefined;
});

function put(folder: string, label: string, pictures: readonly Photograph[]): void {
  mkdirSync(scratch.path(folder, label), { recursive: true });
  for (const { file, id } of pictures) cpSync(file, scratch.path(folder, label, `${id}.png`));
}

const folder = (name: string, more: object = {}) => {
  mkdirSync(scratch.path(name), { recursive: true });
  return {
    ...{ kind: 'directory', name, path: scratch.path(name), layout: 'class', task: 'goods', settle: '20 ms' },
    ...more,
  };
};

it("a folder's labels that may be wrong are learned from where the device agrees, and asked about where it does not", async () => {
  put('taught', 'bag', photographs('bag', 30));
  put('taught', 'sandal', photographs('sandal', 30));
  daemon = await Daemon.start(scratch.path('store'), {
    http: { port: 0 },
    sources: [folder('taught'), folder('sorted', { trust: 0.8 })],
    learn: { newLabels: 1000 },
    label: { perDay: 100 },
  });
  const { store } = daemon.agent;
  // Nothing says how often they are right: the owner's own labels are learned unseen.
  await until(() => store.seen.count() === 60);
  const samples = () => daemon!.agent.metrics().tasks.find((t) => t.task === 'goods')!.samples;
  expect(samples()).toBe(60);

  put('sorted', 'bag', photographs('bag', 10, { from: 30 }));
  await until(() => store.seen.count() === 70);
  const learned = samples() - 60;
  expect(learned).toBeGreaterThanOrEqual(8);

  // Sandals in the folder of bags.
  put('sorted', 'bag', photographs('sandal', 10, { from: 30 }));
  await until(() => store.seen.count() === 80);
  expect(samples() - 60 - learned).toBeLessThanOrEqual(1);
  const owner = new Owner(daemon.agent.page!.port!);
  await owner.enter('a long enough one', true);
  const { cards } = await owner.done<QueueView>('GET', '/api/queue');
  const doubted = cards.filter((c) => c.weak?.source === 'sorted' && c.weak.label === 'bag');
  expect(doubted.length).toBeGreaterThanOrEqual(5);
  expect(doubted[0]!.weak!.trust).toBe(0.8);

  // The owner's answer says how often the folder is right.
  await owner.done('POST', '/api/labels', { sample: doubted[0]!.sample, task: 'goods', label: 'sandal' });
  const after = await owner.done<QueueView>('GET', '/api/queue');
  expect(after.cards.find((c) => c.weak)!.weak!.trust).toBeCloseTo(8 / 11, 12);
});

it('before the device knows two classes, it asks about every one of them', async () => {
  put('sorted', 'bag', photographs('bag', 3));
  put('sorted', 'sandal', photographs('sandal', 3));
  daemon = await Daemon.start(scratch.path('store'), {
    http: { port: 0 },
    sources: [folder('sorted', { trust: 0.8 })],
  });
  await until(() => daemon!.agent.store.seen.count() === 6);
  expect(daemon.agent.metrics().tasks).toEqual([]);
  const owner = new Owner(daemon.agent.page!.port!);
  await owner.enter('a long enough one', true);
  const { cards } = await owner.done<QueueView>('GET', '/api/queue');
  expect(cards.length).toBeGreaterThan(3);
  expect(cards.every((c) => c.weak?.source === 'sorted')).toBe(true);
});

it('refuses a trust where there are no labels, and where nobody can be asked', () => {
  const problems = (source: object, http: object) =>
    agentConfigSchema
      .safeParse({ sources: [{ kind: 'directory', path: '/in', ...source }], http })
      .error?.issues.map((i) => `${i.path.join('.')}: ${i.message}`) ?? [];
  const labelled = { layout: 'class', task: 'goods', trust: 0.8 };
  expect(problems(labelled, { port: 8480 })).toEqual([]);
  expect(problems({ trust: 0.8 }, { port: 8480 })).toEqual([
    expect.stringMatching(/^sources\.0\.trust: .*flat/),
  ]);
  expect(problems(labelled, {})).toEqual([expect.stringMatching(/^sources\.0\.trust: .*set http\.port/)]);
  expect(problems({ ...labelled, trust: 1.5 }, { port: 8480 })[0]).toMatch(/^sources\.0\.trust: /);
});
