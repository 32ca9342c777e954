import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { reportSchemas } from '../../src/link/schemas.js';
import { until } from '../link/until.js';
import { Daemon } from './daemon.js';
import { type Photograph, photographs, splitPhotographs } from './pictures.js';

// One device for the whole file: its tests tell one story, in order.
const TRAINED = { version: 1, heldOutAccuracy: null, instantAccuracy: null };
const folder = mkdtempSync(join(tmpdir(), 'lichen-requests-'));
const inbox = join(folder, 'inbox');
let daemon: Daemon;

beforeAll(async () => {
  mkdirSync(inbox);
  daemon = await Daemon.start(join(folder, 'store'), {
    sources: [{ kind: 'directory', path: inbox, layout: 'task/class', settle: '20 ms' }],
    learn: { epochs: 2, newLabels: 1000 },
  });
});
afterAll(async () => {
  await daemon.stop();
  rmSync(folder, { recursive: true, force: true });
});

async function show(task: string, pictures: readonly Photograph[]): Promise<void> {
  const before = daemon.agent.store.seen.count();
  for (const [i, { file, label }] of pictures.entries()) {
    mkdirSync(join(inbox, task, label), { recursive: true });
    cpSync(file, join(inbox, task, label, `${before}-${i}.png`));
  }
  await until(() => daemon.agent.store.seen.count() >= before + pictures.length);
}

const [bag] = photographs('bag', 1, { part: 'test' });
const [sandal] = photographs('sandal', 1, { part: 'test' });

describe('a device that has seen nothing', () => {
  it('answers status with what it is', async () => {
    const { status, data } = await daemon.ask('status');
    expect(status).toBe('ok');
    expect(data).toMatchObject({ tasks: [], replay: { samples: 0 }, backboneBytes: 13417019 });
  });

  it.each([
    ['classify', {}, 'classify-no-picture', /give a 'file' on the device/],
    ['classify', { file: bag!.file }, 'classify-no-answer', /no task has learned enough/],
    ['classify', { task: 'none', file: bag!.file }, 'task-unknown', /no task 'none'/],
    ['train', { task: 'none' }, 'task-unknown', /no task 'none'.*none yet/],
    ['rollback', { task: 'none' }, 'task-unknown', /no task 'none'/],
    ['close', { task: 'none' }, 'task-unknown', /no task 'none'/],
  ])('answers %s %j with an error', async (verb, fields, code, message) => {
    expect(await daemon.ask(verb, fields)).toMatchObject({
      status: 'error',
      error: { code, message: expect.stringMatching(message) },
    });
  });

  it('has nothing to train', async () => {
    expect(await daemon.ask('train')).toMatchObject({ status: 'ok', data: { trained: [], passedOver: [] } });
  });
});

describe('wrong requests', () => {
  it.each([
    ['rollback', { v: 1, transaction: 'w1' }, 'payload-invalid', /task/],
    ['rollback', { v: 1, transaction: 'w2', task: 7 }, 'payload-invalid', /task/],
    ['rollback', { v: 1, transaction: 'w3', task: '../etc' }, 'payload-invalid', /task: expected an id/],
    ['install', { v: 1, transaction: 'w4' }, 'payload-invalid', /pack/],
    ['install', { v: 1, transaction: 'w5', pack: 'not base 64!' }, 'payload-invalid', /pack/],
    ['status', { v: 99, transaction: 'w6' }, 'version-unsupported', /version 99/],
    ['dance', { v: 1, transaction: 'w7' }, 'verb-unknown', /does not know 'dance'. It knows: .*status/],
  ])('answers %s %j with an error', async (verb, payload, code, message) => {
    daemon.send(verb, JSON.stringify(payload));
    expect(await daemon.response(verb, payload.transaction)).toMatchObject({
      status: 'error',
      error: { code, message: expect.stringMatching(message) },
    });
  });

  it('answers what is no JSON, and what has no transaction, without one', async () => {
    daemon.send('train', '{"task": ');
    expect((await daemon.response('train', null)).error.code).toBe('payload-not-json');
    daemon.send('close', '{"v": 1, "task": "goods"}');
    expect((await daemon.response('close', null)).error).toMatchObject({ code: 'payload-invalid' });
  });

  it('reads pictures only from plain files', async () => {
    await show('goods', [...splitPhotographs('bag', 6, 2), ...splitPhotographs('sandal', 6, 2)]);
    for (const [file, why] of [
      ['/dev/zero', 'it is no file'],
      [folder, 'it is no file'],
      [join(folder, 'none.png'), 'ENOENT'],
    ]) {
      const { error } = await daemon.ask('classify', { file });
      expect(error).toMatchObject({ code: 'picture-unreadable', message: expect.stringContaining(why!) });
      expect(error.message).toContain(file);
    }
    writeFileSync(join(folder, 'text.png'), 'no picture');
    const { error } = await daemon.ask('classify', { file: join(folder, 'text.png') });
    expect(error).toMatchObject({ code: 'classify-no-answer' });
    expect(error.message).toMatch(/text\.png: (?!no task)/);
    expect(daemon.agent.store.rejects.list()).toMatchObject([{ path: join(folder, 'text.png') }]);
  });

  it('goes on after all of them', async () => {
    expect((await daemon.ask('status')).data).toMatchObject({ replay: { samples: 16 } });
  });
});

describe('a device that learns', () => {
  it('classifies a file, with the instant answer', async () => {
    const { data } = await daemon.ask('classify', { task: 'goods', file: bag!.file });
    expect(data).toMatchObject({ file: bag!.file, task: 'goods', label: 'bag', version: 'instant' });
    expect(data.all).toHaveLength(2);
  });

  it('trains, and says how it went in the response, an event, and what it now runs', async () => {
    const { data } = await daemon.ask('train', { task: 'goods' });
    const [trained] = data.trained as Record<string, unknown>[];
    expect(trained).toMatchObject({ task: 'goods', version: 1, trainSamples: 12 });
    expect(await daemon.event('training-started')).toMatchObject({ data: { task: 'goods' } });
    const kind = trained!.promoted ? 'promoted' : 'candidate-kept';
    expect(await daemon.event(kind)).toMatchObject({
      severity: 'info',
      message: expect.stringContaining(String(trained!.reason)),
      data: { task: 'goods', version: 1, heldOutAccuracy: trained!.heldOutAccuracy },
    });
    const adapters = daemon.observer.on('lichen/v1/cam/adapter/goods');
    expect(adapters.at(-1)).toMatchObject({ version: trained!.promoted ? 1 : 'instant' });
  });

  it('trains every task that can be, and says of the others why not', async () => {
    await show('lonely', splitPhotographs('trouser', 2, 1));
    const { data } = await daemon.ask('train');
    expect(data.trained).toMatchObject([{ task: 'goods' }]);
    expect(data.passedOver).toEqual([
      { task: 'lonely', reason: expect.stringContaining('at least two classes') },
    ]);
    const { error } = await daemon.ask('train', { task: 'lonely' });
    expect(error.code).toBe('learn-no-samples');
  });

  it('rolls back to the version before, which answers with the very same bits', async () => {
    const { versions } = daemon.agent.store;
    const ask = async () => {
      const answers = [];
      for (const { file } of [bag!, sandal!]) {
        answers.push((await daemon.ask('classify', { task: 'goods', file })).data);
      }
      return answers;
    };
    const [one, two] = versions.list('goods');
    versions.promote('goods', one!.id, 'by the test');
    await daemon.agent.runs('goods', 'promoted', 'by the test', TRAINED);
    const before = await ask();
    expect(before[0]!.version).toBe(1);
    versions.promote('goods', two!.id, 'by the test');
    await daemon.agent.runs('goods', 'promoted', 'by the test', TRAINED);
    expect((await ask())[0]!.version).toBe(2);
    const { data } = await daemon.ask('rollback', { task: 'goods' });
    expect(data).toEqual({ task: 'goods', from: 2, to: 1 });
    expect(await ask()).toEqual(before);
    expect(await daemon.event('rolled-back')).toMatchObject({ data: { task: 'goods', version: 1 } });
    expect((await daemon.ask('rollback', { task: 'goods' })).data).toMatchObject({ from: 1, to: 'instant' });
    expect((await ask())[0]!.version).toBe('instant');
    for (;;) {
      const { status, error } = await daemon.ask('rollback', { task: 'goods' });
      if (status === 'ok') continue;
      expect(error.code).toBe('nothing-to-roll-back');
      break;
    }
  });

  it('executes a transaction once, and answers it again with the same', async () => {
    const first = await daemon.ask('train', { task: 'goods' }, 'once');
    const count = daemon.agent.store.versions.list('goods').length;
    daemon.send('train', JSON.stringify({ v: 1, transaction: 'once', task: 'goods' }));
    await until(
      () =>
        daemon.observer.on('lichen/v1/cam/response/train').filter((m) => m.transaction === 'once').length ===
        2,
    );
    const [a, b] = daemon.observer
      .on('lichen/v1/cam/response/train')
      .filter((m) => m.transaction === 'once') as unknown as { data: unknown }[];
    expect(a!.data).toEqual(first.data);
    expect(b!.data).toEqual(first.data);
    expect(daemon.agent.store.versions.list('goods')).toHaveLength(count);
  });

  it('answers while it trains, and keeps to the versions that are whole', async () => {
    const training = daemon.ask('train', { task: 'goods' });
    const answers = [];
    for (let i = 0; i < 6; i++) {
      answers.push(await daemon.ask('classify', { task: 'goods', file: (i % 2 ? bag : sandal)!.file }));
    }
    expect((await training).status).toBe('ok');
    expect(answers.map((a) => a.data?.label ?? a.error)).toEqual(
      answers.map((_, i) => (i % 2 ? 'bag' : 'sandal')),
    );
  });

  it('closes a task for good', async () => {
    const { data } = await daemon.ask('close', { task: 'goods' });
    expect(data).toMatchObject({ task: 'goods', digest: expect.stringMatching(/^[0-9a-f]{64}$/) });
    expect((await daemon.ask('train', { task: 'goods' })).error.code).toBe('task-closed');
    expect((await daemon.ask('rollback', { task: 'goods' })).error.code).toBe('task-closed');
    expect((await daemon.ask('close', { task: 'goods' })).data).toEqual(data);
    expect((await daemon.ask('classify', { task: 'goods', file: bag!.file })).data).toMatchObject({
      label: 'bag',
    });
  });
});

it('sent nothing that does not fit its schema', () => {
  let checked = 0;
  for (const { topic, payload } of daemon.observer.messages) {
    const kind = topic.split('/')[3] as keyof typeof reportSchemas | 'request';
    if (kind === 'request') continue;
    expect(() => reportSchemas[kind].parse(JSON.parse(payload)), topic).not.toThrow();
    checked++;
  }
  expect(checked).toBeGreaterThan(50);
});
