import { cpSync, mkdirSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { OpenedTasks } from '../../src/agent/opened-tasks.js';
import { Random } from '../../src/random.js';
import { LOOKED_AT, NOVEL_OF_THEM } from '../../src/recognize/confirmed-drift.js';
import { openStore, type Store } from '../../src/store/store.js';
import { until } from '../link/until.js';
import { scratchFolder } from '../store/scratch.js';
import { Daemon } from './daemon.js';
import { type Photograph, photographs } from './pictures.js';

const scratch = scratchFolder();
const DAY = 86_400_000;
const backbone = { id: { name: 'b', sha256: 'ab'.repeat(32), split: 's' } };

describe('a task is opened', () => {
  let store: Store;
  let samples: Map<string, number>;
  let opened: OpenedTasks;
  beforeEach(() => {
    store = openStore(scratch.path('store'));
    store.tasks.create({ name: 'tiles', isolation: 'piggyback', backbone: backbone.id, classes: ['ok'] });
    samples = new Map([['tiles', 10]]);
    opened = open();
  });
  afterEach(() => store.close());

  const open = () =>
    new OpenedTasks({
      store,
      backbone,
      samplesOf: (task) => samples.get(task) ?? 0,
      isolationOf: () => 'piggyback',
      pause: DAY,
    });

  /** Drift, and then so many novel answers of those that are looked at. */
  function drift(source: string, novel: number, at: number, task = 'tiles'): string | undefined {
    let name = opened.add(source, { task, novel: true }, 'novelty', at)?.name;
    for (let k = 0; k < LOOKED_AT; k++) {
      name ??= opened.add(source, { task, novel: k < novel }, undefined, at + k)?.name;
    }
    return name;
  }

  it('where drift by novelty is confirmed by novel pictures, and nowhere else', () => {
    expect(drift('belt', NOVEL_OF_THEM - 1, 0)).toBeUndefined();
    for (let k = 0; k < 100; k++) {
      expect(opened.add('belt', { task: 'tiles', novel: true }, undefined, k)).toBeUndefined();
    }
    opened.add('belt', { task: 'tiles', novel: true }, 'confidence', 0);
    for (let k = 0; k < 100; k++) {
      expect(opened.add('belt', { task: 'tiles', novel: true }, undefined, k)).toBeUndefined();
    }
    expect(drift('belt', NOVEL_OF_THEM, 1000)).toBe('tiles-2');
    expect(store.tasks.require('tiles-2')).toMatchObject({ classes: [], isolation: 'piggyback' });
    expect(opened.of('belt')).toBe('tiles-2');
    expect(opened.of('yard')).toBeUndefined();
  });

  it('only while no other one is empty, and not soon after another', () => {
    expect(drift('belt', LOOKED_AT, DAY)).toBe('tiles-2');
    expect(drift('belt', LOOKED_AT, 5 * DAY)).toBeUndefined();
    samples.set('tiles-2', 1);
    expect(drift('yard', LOOKED_AT, 1.5 * DAY)).toBeUndefined();
    // Over a restart of the program, too.
    opened = open();
    expect(drift('yard', LOOKED_AT, 1.9 * DAY)).toBeUndefined();
    expect(drift('yard', LOOKED_AT, 2 * DAY, 'tiles-2')).toBe('tiles-3');
    expect([opened.of('belt'), opened.of('yard')]).toEqual(['tiles-2', 'tiles-3']);
  });

  it('also after the clock was set back', () => {
    expect(drift('belt', LOOKED_AT, 400 * DAY)).toBe('tiles-2');
    samples.set('tiles-2', 1);
    expect(drift('belt', LOOKED_AT, DAY)).toBe('tiles-3');
  });

  it('by a name that is free and no longer than a name may be', () => {
    const create = (name: string) => {
      store.tasks.create({ name, isolation: 'piggyback', backbone: backbone.id, classes: ['ok'] });
      samples.set(name, 1);
    };
    create('camera-3');
    create('tiles-2');
    const long = 'x'.repeat(64);
    create(long);
    expect(drift('belt', LOOKED_AT, DAY, 'camera-3')).toBe('camera-3-2');
    samples.set('camera-3-2', 1);
    expect(drift('belt', LOOKED_AT, 2 * DAY)).toBe('tiles-3');
    samples.set('tiles-3', 1);
    expect(drift('belt', LOOKED_AT, 3 * DAY, long)).toBe(`${'x'.repeat(62)}-2`);
  });
});

describe('a device that may open tasks', () => {
  let daemon: Daemon;
  afterEach(() => daemon.stop());

  const results = () => daemon.observer.messages.filter((m) => m.topic.includes('/result/')).length;

  /** Shows a photograph to the camera and waits until it is answered. */
  async function show({ bytes }: Photograph): Promise<void> {
    const before = results();
    await daemon.observer.client.publishAsync('cam/picture', bytes, { qos: 1 });
    await until(() => results() > before);
  }

  it('opens one for things of another kind, and takes labels of that camera into it', async () => {
    const shoes = ['ankle-boot', 'bag', 'sandal', 'sneaker', 'trouser'];
    for (const label of shoes) {
      mkdirSync(scratch.path('teach', label), { recursive: true });
      for (const { file, id } of photographs(label, 40))
        cpSync(file, scratch.path('teach', label, `${id}.png`));
    }
    daemon = await Daemon.start(scratch.path('store'), {
      sources: [
        { kind: 'directory', path: scratch.path('teach'), layout: 'class', task: 'goods', settle: '20 ms' },
        {
          ...{ kind: 'mqtt', name: 'belt', topic: 'cam/picture', rate: 0 },
          trigger: { interval: '1 ms', message: { topic: 'cam/teach' } },
          drop: { duplicates: false, blurred: false },
        },
      ],
      learn: { newLabels: 1000 },
      recognize: { drift: 'open' },
    });
    await until(() => daemon.agent.store.seen.count() >= 200);

    const random = new Random(1);
    const known = random.shuffle(shoes.flatMap((label) => photographs(label, 30, { part: 'test' })));
    for (const picture of known) await show(picture);
    expect(daemon.agent.store.tasks.list().map((t) => t.name)).toEqual(['goods']);

    const tops = ['coat', 'dress', 'pullover', 'shirt', 'tshirt'];
    const others = random.shuffle(tops.flatMap((label) => photographs(label, 25, { task: 'tops' })));
    let shown = 0;
    for (const picture of others) {
      if (daemon.agent.store.tasks.get('goods-2')) break;
      await show(picture);
      shown++;
    }
    console.log(`opened after ${shown} pictures of another kind`);
    expect(shown).toBeLessThan(others.length);
    expect((await daemon.event('drift')).data).toMatchObject({ source: 'belt', kind: 'novelty' });
    expect((await daemon.event('task-opened')).data).toEqual({
      task: 'goods-2',
      source: 'belt',
      like: 'goods',
    });
    // Pictures go on being answered beside a task that knows nothing yet.
    await show(known[0]!);

    // A label that names no task.
    await daemon.observer.client.publishAsync('cam/teach', JSON.stringify({ label: 'coat' }), { qos: 1 });
    const [coat] = photographs('coat', 1, { task: 'tops', part: 'test' });
    const taught = () => daemon.agent.metrics().tasks.find((t) => t.task === 'goods-2')!.samples;
    await until(() => {
      daemon.observer.client.publish('cam/picture', coat!.bytes);
      return taught() > 0;
    });
    expect(daemon.agent.store.tasks.require('goods-2').classes).toEqual(['coat']);
  });
});
