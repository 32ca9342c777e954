import { cpSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { discoveryTopic } from '../../src/link/home-assistant.js';
import { Observer } from '../link/observer.js';
import { until } from '../link/until.js';
import { Daemon } from './daemon.js';
import { photographs } from './pictures.js';

// One device and one Home Assistant, or what it sees and says of it: the tests tell one story, in order.
const folder = mkdtempSync(join(tmpdir(), 'lichen-home-'));
const inbox = join(folder, 'inbox');
const topic = discoveryTopic('homeassistant', 'cam');
let daemon: Daemon;
let home: Observer;

beforeAll(async () => {
  mkdirSync(inbox);
  daemon = await Daemon.start(join(folder, 'store'), {
    sources: [{ kind: 'directory', path: inbox, layout: 'task/class', settle: '20 ms' }],
    learn: { newLabels: 1000 },
    homeAssistant: { enabled: true },
  });
  home = await Observer.at(daemon.broker.url);
  await home.client.subscribeAsync('homeassistant/device/#', { qos: 1 });
});
afterAll(async () => {
  await home.stop();
  await daemon.stop();
  rmSync(folder, { recursive: true, force: true });
});

const discoveries = () => home.on(topic) as { components: Record<string, { options?: string[] }> }[];

async function teach(task: string, label: string, count: number): Promise<void> {
  const before = daemon.agent.store.seen.count();
  mkdirSync(join(inbox, task, label), { recursive: true });
  for (const [i, { file }] of photographs(label, count).entries()) {
    cpSync(file, join(inbox, task, label, `${before}-${i}.png`));
  }
  await until(() => daemon.agent.store.seen.count() >= before + count);
}

describe('in Home Assistant a device', () => {
  it('is there with what it has, by a message that the broker keeps', async () => {
    await until(() => discoveries().length > 0);
    expect(home.messages.find((m) => m.topic === topic)!.retain).toBe(true);
    expect(Object.keys(discoveries()[0]!.components)).toEqual(
      expect.arrayContaining(['active_task', 'replay_memory', 'process_memory', 'temperature']),
    );
  });

  it('has entities for a task as soon as there is one', async () => {
    await teach('goods', 'bag', 3);
    await teach('goods', 'sandal', 3);
    // With its next metrics, or when somebody asks.
    await daemon.ask('select', {});
    await until(() => discoveries().some((d) => d.components.goods_label !== undefined));
  });

  it('is shown again when Home Assistant has started', async () => {
    const before = discoveries().length;
    await home.client.publishAsync('homeassistant/status', 'offline', { qos: 1 });
    await home.client.publishAsync('homeassistant/status', 'online', { qos: 1 });
    await until(() => discoveries().length > before);
  });

  it('asks for the task that was chosen there, and chooses itself again', async () => {
    const active = () => daemon.agent.metrics().activeTask;
    expect(active()).toBeNull();
    expect(await daemon.ask('select', { task: 'goods' })).toMatchObject({ data: { task: 'goods' } });
    expect(active()).toBe('goods');
    expect(await daemon.ask('select', { task: 'none' })).toMatchObject({ error: { code: 'task-unknown' } });
    expect(active()).toBe('goods');
    expect(await daemon.ask('select', {})).toMatchObject({ data: { task: null } });
    expect(active()).toBeNull();
  });

  it('says with every answer what the stream says, as the templates read it', async () => {
    cpSync(photographs('bag', 1, { part: 'test' })[0]!.file, join(inbox, 'unlabelled.png'));
    const result = await daemon.message((t) => t === 'lichen/v1/cam/result/goods');
    expect(result).toMatchObject({
      label: expect.any(String),
      smoothed: { decided: expect.any(Boolean), probability: expect.any(Number) },
    });
    expect(result.smoothed).toHaveProperty('label');
  });

  it('hears the last result of each task again when it has started anew', async () => {
    const results = () => home.on('lichen/v1/cam/result/goods');
    await until(() => results().length > 0);
    const last = results().at(-1)!;
    const before = results().length;
    await home.client.publishAsync('homeassistant/status', 'online', { qos: 1 });
    await until(() => results().length > before);
    expect(results().at(-1)).toEqual(last);
  });
});
