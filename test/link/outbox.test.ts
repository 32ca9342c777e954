import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { OutboxDraft } from '../../src/link/outbox.js';
import { spawnTypeScript } from '../spawn-typescript.js';
import { StoreFixture } from './store-fixture.js';

let store: StoreFixture;

beforeEach(() => {
  store = new StoreFixture(2000);
});

afterEach(() => {
  store.remove();
});

function draft(kind: string, text: string): OutboxDraft {
  return {
    topic: `lichen/v1/d/${kind}`,
    payload: () => Buffer.from(text),
    retain: kind.startsWith('adapter'),
    droppable: kind === 'metrics' || kind.startsWith('result'),
  };
}

function kept(): string[] {
  return store.outbox.after(0, 1000).map((message) => message.payload.toString());
}

describe('the outbox', () => {
  it('gives numbers from 1 and keeps the order', () => {
    expect(store.outbox.lastSeq).toBe(0);
    expect(['a', 'b', 'c'].map((text) => store.outbox.add(draft('event', text)))).toEqual([1, 2, 3]);
    expect(kept()).toEqual(['a', 'b', 'c']);
    expect(store.outbox.after(1, 1)).toEqual([
      { seq: 2, topic: 'lichen/v1/d/event', payload: Buffer.from('b'), qos: 1, retain: false },
    ]);
    expect(store.outbox.stats.messages).toBe(3);
  });

  it('writes the number into the payload', () => {
    store.outbox.add(draft('event', 'first'));
    store.outbox.add({ ...draft('event', ''), payload: (seq) => Buffer.from(`I am ${seq}`) });
    expect(kept()).toEqual(['first', 'I am 2']);
  });

  it('survives a restart, and never gives a number twice', () => {
    store.outbox.add(draft('event', 'a'));
    store.outbox.add(draft('adapter/t', 'b'));
    store.outbox.remove([1, 2, 77]);
    const { store: name } = store.outbox;
    store.reopen();
    expect(store.outbox.store).toBe(name);
    expect(store.outbox.stats).toEqual({ messages: 0, bytes: 0, dropped: 0 });
    expect(store.outbox.lastSeq).toBe(2);
    expect(store.outbox.add(draft('adapter/t', 'c'))).toBe(3);
    store.reopen();
    expect(store.outbox.after(0, 9)).toMatchObject([{ seq: 3, retain: true }]);
    expect(store.outbox.stats.messages).toBe(1);
    expect(store.outbox.holds('lichen/v1/d/adapter/t')).toBe(true);
    expect(store.outbox.holds('lichen/v1/d/adapter/u')).toBe(false);
  });

  it('drops the oldest metrics and results first when it is full, and counts them', () => {
    store.outbox.add(draft('event', 'event 1'));
    store.outbox.add(draft('metrics', 'metrics 2'));
    store.outbox.add(draft('result/t', 'result 3'));
    store.outbox.add(draft('metrics', 'metrics 4'));
    const { bytes } = store.outbox.stats;
    // Room is missing for one message, then for another.
    store.outbox.add(draft('event', 'x'.repeat(2000 - bytes - 96 - 17)));
    expect(store.outbox.stats).toMatchObject({ messages: 5, bytes: 2000, dropped: 0 });
    store.outbox.add(draft('event', 'event 6'));
    expect(kept().filter((text) => !text.startsWith('x'))).toEqual([
      'event 1',
      'result 3',
      'metrics 4',
      'event 6',
    ]);
    store.outbox.add(draft('event', 'event 7'));
    expect(kept().filter((text) => !text.startsWith('x'))).toEqual([
      'event 1',
      'metrics 4',
      'event 6',
      'event 7',
    ]);
    store.outbox.add(draft('event', 'event 8'));
    // Nothing droppable is left: the oldest event goes.
    store.outbox.add(draft('event', 'event 9'));
    expect(kept().filter((text) => !text.startsWith('x'))).toEqual([
      'event 6',
      'event 7',
      'event 8',
      'event 9',
    ]);
    expect(store.outbox.stats.dropped).toBe(4);
    store.reopen();
    expect(store.outbox.stats.dropped).toBe(4);
  });

  it('drops new metrics rather than an old event', () => {
    for (const text of ['a', 'b', 'c']) store.outbox.add(draft('event', text.repeat(500)));
    expect(store.outbox.add(draft('metrics', 'm'.repeat(500)))).toBeUndefined();
    expect(kept().map((text) => text[0])).toEqual(['a', 'b', 'c']);
    expect(store.outbox.stats).toMatchObject({ messages: 3, dropped: 1 });
    expect(store.outbox.add(draft('event', 'd'))).toBe(4);
  });

  it('drops a message that is larger than the whole cap, and nothing else', () => {
    store.outbox.add(draft('metrics', 'small'));
    expect(store.outbox.add(draft('event', 'x'.repeat(2000)))).toBeUndefined();
    expect(kept()).toEqual(['small']);
    expect(store.outbox.stats.dropped).toBe(1);
  });

  it('counts what a broker refused for good', () => {
    store.outbox.add(draft('event', 'a'));
    store.outbox.drop([1]);
    expect(store.outbox.stats).toEqual({ messages: 0, bytes: 0, dropped: 1 });
  });

  it('never exceeds its cap, counts every message, and agrees with itself after a restart', () => {
    const steps = fc.array(
      fc.oneof(
        fc.record({ add: fc.constantFrom('metrics', 'result/t', 'event', 'adapter/t'), size: fc.nat(900) }),
        fc.record({ acknowledge: fc.nat(3) }),
      ),
      { maxLength: 60 },
    );
    fc.assert(
      fc.property(steps, (run) => {
        const trial = new StoreFixture(2000);
        try {
          let added = 0;
          let acknowledged = 0;
          for (const step of run) {
            if ('add' in step) {
              trial.outbox.add(draft(step.add, 'x'.repeat(step.size)));
              added++;
            } else {
              const seqs = trial.outbox.after(0, step.acknowledge).map(({ seq }) => seq);
              trial.outbox.remove(seqs);
              acknowledged += seqs.length;
            }
            expect(trial.outbox.stats.bytes).toBeLessThanOrEqual(2000);
          }
          const { stats } = trial.outbox;
          expect(stats.messages + stats.dropped + acknowledged).toBe(added);
          trial.reopen();
          expect(trial.outbox.stats).toEqual(stats);
        } finally {
          trial.remove();
        }
      }),
      { numRuns: 25 },
    );
  });

  it('keeps every message that was stored before a SIGKILL, in order', async () => {
    const writer = spawnTypeScript(fileURLToPath(new URL('outbox-writer.ts', import.meta.url)), [store.file]);
    await writer.line('stored 60');
    writer.child.kill('SIGKILL');
    expect(await writer.ended).toBe('SIGKILL');
    const said = writer.output().match(/stored \d+(?=\n)/g)!.length;
    store.reopen();
    const seqs = store.outbox.after(0, 1_000_000).map(({ seq }) => seq);
    expect(seqs.length).toBeGreaterThanOrEqual(said);
    expect(seqs).toEqual(seqs.map((_, index) => index + 1));
    expect(store.outbox.lastSeq).toBe(seqs.length);
  });
});
