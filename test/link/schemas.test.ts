import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { LichenError } from '../../src/errors.js';
import { encodeReport } from '../../src/link/encode.js';
import {
  isVerb,
  parsePayload,
  type ReportKind,
  type RequestOf,
  reportSchemas,
  requestSchemas,
  type Verb,
} from '../../src/link/schemas.js';
import { adapter, birth, event, metrics, result, resultEvent } from './examples.js';

const reporter = { device: 'cam-1', store: 'f00d', boot: 7 };
const bodies: [ReportKind, object][] = [
  ['state', { state: 'online', ...birth }],
  ['metrics', metrics],
  ['result', result],
  ['result-event', resultEvent],
  ['result-event', { ...resultEvent, type: 'new', before: null }],
  ['event', event(1)],
  ['adapter', adapter],
  ['response', { status: 'ok', transaction: 't1', data: { trained: true } }],
  ['response', { status: 'error', transaction: null, error: { code: 'payload-not-json', message: 'no' } }],
];
const requests: [Verb, object][] = [
  ['train', {}],
  ['train', { task: 'tops' }],
  ['classify', { task: 'tops', file: '/var/lib/lichen/in/a.png' }],
  ['rollback', { task: 'tops' }],
  ['status', {}],
  ['install', { pack: Buffer.from('a pack').toString('base64') }],
  ['close', { task: 'tops' }],
];

function bytes(value: unknown): Uint8Array {
  return Buffer.from(JSON.stringify(value));
}

describe('reports', () => {
  it.each(bodies)('a %s is read back as it was written', (kind, body) => {
    const payload = encodeReport(reporter, kind, body, 12);
    const read = parsePayload<unknown>(reportSchemas[kind], 'a topic', payload);
    expect(read).toMatchObject({ v: 1, ...reporter, seq: 12, ...body });
  });

  it.each(bodies)('a %s of a newer program, with fields unknown here, is read', (kind, body) => {
    const payload = JSON.parse(encodeReport(reporter, kind, body, 12).toString()) as object;
    const read = parsePayload<unknown>(reportSchemas[kind], 'a topic', bytes({ ...payload, humidity: 40 }));
    expect(read).toMatchObject(body);
  });

  it.each(bodies)('a %s of another version is refused by its number', (kind, body) => {
    const payload = JSON.parse(encodeReport(reporter, kind, body, 12).toString()) as object;
    const read = () => parsePayload<unknown>(reportSchemas[kind], 'a topic', bytes({ ...payload, v: 2 }));
    expect(read).toThrow(expect.objectContaining({ code: 'version-unsupported' }));
    expect(read).toThrow(/version 2; this program speaks version 1/);
  });

  it('that would be refused are not sent', () => {
    const broken = { ...result, probability: Number.NaN };
    const write = () => encodeReport(reporter, 'result', broken, 1);
    expect(write).toThrow(expect.objectContaining({ code: 'report-invalid' }));
    expect(write).toThrow(/probability/);
  });

  it('an error message names the topic and the field', () => {
    const payload = bytes({ v: 1, ...reporter, seq: 1, at: 'yesterday', ...event(1) });
    const read = () => parsePayload(reportSchemas.event, 'lichen/v1/cam-1/event', payload);
    expect(read).toThrow(/lichen\/v1\/cam-1\/event does not fit its schema. at: /);
  });
});

describe('requests', () => {
  it.each(requests)('%s with %j is read', (verb, body) => {
    const request: RequestOf<Verb> = parsePayload<RequestOf<Verb>>(
      requestSchemas[verb],
      'a topic',
      bytes({ v: 1, transaction: 't-1', ...body, later: true }),
    );
    expect(request).toEqual({ v: 1, transaction: 't-1', ...body });
  });

  it.each([
    ['rollback', { v: 1, transaction: 't' }],
    ['install', { v: 1, transaction: 't', pack: 'not base64!' }],
    ['install', { v: 1, transaction: 't', pack: '' }],
    ['status', { v: 1 }],
    ['status', { transaction: 't' }],
    ['status', { v: 1, transaction: 'a/b' }],
    ['train', { v: 1, transaction: 't', task: '+' }],
  ] as [Verb, object][])('%s with %j is refused', (verb, body) => {
    expect(() => parsePayload<unknown>(requestSchemas[verb], 'a topic', bytes(body))).toThrow(
      expect.objectContaining({ code: 'payload-invalid' }),
    );
  });

  it('only known verbs are verbs', () => {
    expect(isVerb('train')).toBe(true);
    expect(isVerb('constructor')).toBe(false);
    expect(isVerb('__proto__')).toBe(false);
  });
});

describe('parsePayload', () => {
  it('answers any bytes and any JSON with a value or a LichenError', () => {
    const payloads = fc.oneof(
      fc.uint8Array(),
      fc.json().map((text) => Buffer.from(text)),
    );
    fc.assert(
      fc.property(payloads, fc.constantFrom(...Object.values(reportSchemas)), (payload, schema) => {
        try {
          parsePayload<unknown>(schema, 'a topic', payload);
        } catch (error) {
          expect(error).toBeInstanceOf(LichenError);
        }
      }),
    );
  });

  it('refuses text that is not UTF-8', () => {
    expect(() => parsePayload(reportSchemas.event, 'a topic', Buffer.from([0x22, 0xff, 0x22]))).toThrow(
      expect.objectContaining({ code: 'payload-not-json' }),
    );
  });
});
