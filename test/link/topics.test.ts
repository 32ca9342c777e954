import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatTopic, isId, parseTopic, requestFilter, type Topic } from '../../src/link/topics.js';

const id = fc.stringMatching(/^[a-zA-Z0-9_-]{1,64}$/);
const topics: fc.Arbitrary<Topic> = fc.oneof(
  fc.record({ kind: fc.constantFrom('state', 'metrics', 'event', 'result'), device: id }),
  fc.record({ kind: fc.constantFrom('result', 'adapter'), device: id, task: id }),
  fc.record({ kind: fc.constantFrom('request', 'response'), device: id, verb: id }),
  fc.record({ kind: fc.constant('picture' as const), device: id, source: id }),
);

describe('topics', () => {
  it('are written as the contract says', () => {
    expect(formatTopic({ kind: 'state', device: 'cam-1' })).toBe('lichen/v1/cam-1/state');
    expect(formatTopic({ kind: 'result', device: 'cam-1', task: 'tops' })).toBe(
      'lichen/v1/cam-1/result/tops',
    );
    expect(formatTopic({ kind: 'result', device: 'cam-1' })).toBe('lichen/v1/cam-1/result');
    expect(formatTopic({ kind: 'request', device: 'cam-1', verb: 'train' })).toBe(
      'lichen/v1/cam-1/request/train',
    );
    expect(requestFilter('cam-1')).toBe('lichen/v1/cam-1/request/+');
  });

  it('are read back as they were written, and never hold a wildcard', () => {
    fc.assert(
      fc.property(topics, (topic) => {
        const text = formatTopic(topic);
        expect(text).not.toMatch(/[+#\s]/);
        expect(parseTopic(text)).toEqual(topic);
      }),
    );
  });

  it.each(['', 'a/b', 'a+', '#', 'a b', 'ü', 'x'.repeat(65), '../x'])('refuse the id %j', (bad) => {
    expect(isId(bad)).toBe(false);
    expect(() => formatTopic({ kind: 'state', device: bad })).toThrow(
      expect.objectContaining({ code: 'id-invalid' }),
    );
    expect(() => formatTopic({ kind: 'adapter', device: 'd', task: bad })).toThrow(
      expect.objectContaining({ code: 'id-invalid' }),
    );
  });

  it.each(['homeassistant/status', 'lichen', 'lichen/v2/d/state', '', '$SYS/broker'])(
    'leave %j alone',
    (other) => {
      expect(parseTopic(other)).toBeUndefined();
    },
  );

  it.each([
    'lichen/v1/',
    'lichen/v1/d',
    'lichen/v1/d/',
    'lichen/v1/d/state/x',
    'lichen/v1/d/adapter',
    'lichen/v1/d/result/',
    'lichen/v1/d/result/t/u',
    'lichen/v1/d/nonsense',
    'lichen/v1/d d/state',
    'lichen/v1//state',
  ])('say what is wrong with %j', (bad) => {
    expect(() => parseTopic(bad)).toThrow(expect.objectContaining({ code: 'topic-invalid' }));
  });
});
