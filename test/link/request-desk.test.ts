import fc from 'fast-check';
import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { LichenError } from '../../src/errors.js';
import { RequestDesk } from '../../src/link/request-desk.js';
import type { ResponseBody } from '../../src/link/schemas.js';
import { StoreFixture } from './store-fixture.js';

let store: StoreFixture;
let desk: RequestDesk;
let answers: { verb: string; response: ResponseBody }[];

beforeEach(() => {
  store = new StoreFixture();
  answers = [];
  desk = newDesk();
});

afterEach(() => {
  store.remove();
});

function newDesk(): RequestDesk {
  return new RequestDesk({
    device: 'd',
    requests: store.requests,
    respond: (verb, response) => answers.push({ verb, response }),
    log: pino({ level: 'silent' }),
  });
}

function bytes(value: unknown): Uint8Array {
  return Buffer.from(JSON.stringify(value));
}

function errorOf(answer: { response: ResponseBody } | undefined): { code: string; message: string } {
  if (answer?.response.status !== 'error') throw new Error(`not an error: ${JSON.stringify(answer)}`);
  return answer.response.error;
}

describe('a request', () => {
  it('is executed, and answered with its transaction and data', async () => {
    desk.on('train', ({ task }) => ({ trained: task }));
    await desk.receive('train', bytes({ v: 1, transaction: 't1', task: 'tops' }), false);
    expect(answers).toEqual([
      { verb: 'train', response: { status: 'ok', transaction: 't1', data: { trained: 'tops' } } },
    ]);
  });

  it('that comes twice is executed once, and answered twice alike', async () => {
    let executions = 0;
    desk.on('status', () => ({ executions: ++executions, at: new Date(0) }));
    await desk.receive('status', bytes({ v: 1, transaction: 't1' }), false);
    await desk.receive('status', bytes({ v: 1, transaction: 't1' }), false);
    expect(executions).toBe(1);
    expect(answers[1]).toEqual(answers[0]);
  });

  it('that comes again after a restart is not executed again', async () => {
    let executions = 0;
    desk.on('status', () => ({ executions: ++executions }));
    await desk.receive('status', bytes({ v: 1, transaction: 't1' }), false);
    store.reopen();
    desk = newDesk();
    desk.on('status', () => ({ executions: ++executions }));
    await desk.receive('status', bytes({ v: 1, transaction: 't1' }), false);
    expect(executions).toBe(1);
    expect(answers[1]).toEqual(answers[0]);
  });

  it('that comes again while it is executed is answered once', async () => {
    let finish = (): void => undefined;
    let executions = 0;
    desk.on('train', async () => {
      executions++;
      await new Promise<void>((resolve) => {
        finish = resolve;
      });
      return 'done';
    });
    const first = desk.receive('train', bytes({ v: 1, transaction: 't1' }), false);
    await desk.receive('train', bytes({ v: 1, transaction: 't1' }), false);
    finish();
    await first;
    expect(executions).toBe(1);
    expect(answers).toHaveLength(1);
  });

  it('whose execution was cut short by a crash is reported, not repeated', async () => {
    desk.on('install', () => new Promise(() => undefined));
    void desk.receive('install', bytes({ v: 1, transaction: 't1', pack: 'QUJD' }), false);
    store.reopen();
    desk = newDesk();
    desk.on('install', () => 'installed');
    await desk.receive('install', bytes({ v: 1, transaction: 't1', pack: 'QUJD' }), false);
    expect(errorOf(answers[0]).code).toBe('request-interrupted');
    await desk.receive('install', bytes({ v: 1, transaction: 't2', pack: 'QUJD' }), false);
    expect(answers[1]?.response).toEqual({ status: 'ok', transaction: 't2', data: 'installed' });
  });

  it('that its handler refuses gets the code and the message of the error', async () => {
    desk.on('rollback', () => {
      throw new LichenError('task-unknown', "There is no task 'x'.");
    });
    desk.on('close', () => Promise.reject(new Error('disk on fire')));
    desk.on('status', () => ({ huge: 10n }));
    await desk.receive('rollback', bytes({ v: 1, transaction: 't1', task: 'x' }), false);
    await desk.receive('close', bytes({ v: 1, transaction: 't2', task: 'x' }), false);
    await desk.receive('status', bytes({ v: 1, transaction: 't3' }), false);
    expect(answers.map(({ response }) => response)).toEqual([
      {
        status: 'error',
        transaction: 't1',
        error: { code: 'task-unknown', message: "There is no task 'x'." },
      },
      { status: 'error', transaction: 't2', error: { code: 'internal', message: 'disk on fire' } },
      {
        status: 'error',
        transaction: 't3',
        error: { code: 'internal', message: expect.stringContaining('BigInt') },
      },
    ]);
  });

  it.each([
    ['not JSON', Buffer.from('{'), 'payload-not-json', null],
    ['not an object', bytes(7), 'payload-invalid', null],
    ['without a transaction', bytes({ v: 1 }), 'payload-invalid', null],
    ['with a bad field', bytes({ v: 1, transaction: 't9', task: 5 }), 'payload-invalid', 't9'],
    ['of a later version', bytes({ v: 2, transaction: 't9' }), 'version-unsupported', 't9'],
  ])('that is %s is answered with an error', async (_, payload, code, transaction) => {
    desk.on('train', () => 'must not happen');
    await desk.receive('train', payload, false);
    expect(errorOf(answers[0]).code).toBe(code);
    expect(answers[0]?.response.transaction).toBe(transaction);
    // The refused transaction is free: corrected, it is executed.
    await desk.receive('train', bytes({ v: 1, transaction: 't9' }), false);
    expect(answers[1]?.response.status).toBe('ok');
  });

  it('with an unknown verb is told the known ones', async () => {
    desk.on('train', () => null);
    desk.on('status', () => null);
    await desk.receive('explode', bytes({ v: 1, transaction: 't1' }), false);
    expect(errorOf(answers[0])).toMatchObject({
      code: 'verb-unknown',
      message: expect.stringContaining('train, status'),
    });
    expect(answers[0]?.verb).toBe('explode');
  });

  it('that was retained is refused; its deletion is ignored', async () => {
    desk.on('train', () => 'must not happen');
    await desk.receive('train', bytes({ v: 1, transaction: 't1' }), true);
    expect(errorOf(answers[0]).code).toBe('request-retained');
    await desk.receive('train', Buffer.alloc(0), false);
    expect(answers).toHaveLength(1);
  });

  it('of any bytes and any verb gets exactly one answer', async () => {
    desk.on('train', () => null);
    const verbs = fc.oneof(fc.constant('train'), fc.stringMatching(/^[a-zA-Z0-9_-]{1,64}$/));
    await fc.assert(
      fc.asyncProperty(verbs, fc.uint8Array({ minLength: 1 }), async (verb, payload) => {
        answers = [];
        await desk.receive(verb, payload, false);
        expect(answers).toHaveLength(1);
        expect(answers[0]?.response.status).toBe('error');
      }),
    );
  });

  it('is forgotten after many others', async () => {
    let executions = 0;
    desk.on('status', () => ++executions);
    for (let i = 0; i <= 200; i++) await desk.receive('status', bytes({ v: 1, transaction: `t${i}` }), false);
    const kept = store.database.prepare<{ n: number }>('SELECT COUNT(*) AS n FROM outbox_requests').get();
    expect(kept?.n).toBe(200);
    await desk.receive('status', bytes({ v: 1, transaction: 't200' }), false);
    expect(executions).toBe(201);
  });
});
