import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { adapter, event, metrics } from '../link/examples.js';
import { until } from '../link/until.js';
import { HubFixture } from './hub-fixture.js';

let hub: HubFixture;

beforeEach(async () => {
  hub = new HubFixture();
  await hub.start();
});

afterEach(async () => {
  await hub.remove();
});

interface Message {
  event: string;
  data: Record<string, unknown>;
}

/** A reader of the live stream that keeps every message. */
async function reader(): Promise<{ messages: Message[]; ended: Promise<void>; stop: () => void }> {
  const abort = new AbortController();
  const response = await fetch(`${hub.url}/api/events`, { signal: abort.signal });
  expect(response.headers.get('content-type')).toBe('text/event-stream; charset=utf-8');
  const messages: Message[] = [];
  const read = async () => {
    let text = '';
    for await (const chunk of response.body!) {
      text += Buffer.from(chunk).toString();
      const parts = text.split('\n\n');
      text = parts.pop()!;
      for (const part of parts) {
        const match = /^event: (\w+)\ndata: (.*)$/s.exec(part);
        if (match) messages.push({ event: match[1]!, data: JSON.parse(match[2]!) as Message['data'] });
      }
    }
  };
  const ended = read().catch(() => undefined);
  return { messages, ended, stop: () => abort.abort() };
}

describe('the live stream', () => {
  it('begins with a snapshot, and tells every change from then on', async () => {
    const { link } = hub.device('cam');
    link.publish('event', event(1));
    link.start();
    while ((await hub.get('/api/devices/cam')).status !== 200) await new Promise((r) => setTimeout(r, 10));
    const { messages, stop } = await reader();
    await until(() => messages.length > 0);
    expect(messages[0]).toMatchObject({ event: 'snapshot', data: { devices: [{ device: 'cam' }] } });

    link.publish('metrics', metrics);
    link.publish('adapter', adapter);
    link.publish('event', { ...event(2), message: 'line one\nline two \u2028 <b>' });
    await until(() =>
      messages.some(({ event, data }) => event === 'event' && (data.data as { n?: number })?.n === 2),
    );
    const told = messages.filter(({ event }) => event === 'event').map(({ data }) => data.message);
    expect(told.at(-1)).toBe('line one\nline two \u2028 <b>');
    await until(() => {
      const device = messages.filter((message) => message.event === 'device').at(-1)?.data;
      const task = (device?.tasks as { adapter: { version: number } | null }[] | undefined)?.[0];
      return task?.adapter?.version === 3 && device?.metrics !== null;
    });
    await link.stop();
    await until(() => messages.some(({ event, data }) => event === 'device' && data.state === 'offline'));
    expect(messages.findLast(({ event }) => event === 'totals')?.data).toMatchObject({
      devices: 1,
      online: 0,
    });
    stop();
  });

  it('tells an event once to each reader, whenever the reader came', async () => {
    const { link, store } = hub.device('cam');
    link.start();
    const first = await reader();
    for (let n = 1; n <= 30; n++) link.publish('event', event(n));
    await until(() => store.outbox.stats.messages === 0);
    const second = await reader();
    for (let n = 31; n <= 60; n++) link.publish('event', event(n));
    await until(() => store.outbox.stats.messages === 0);
    for (const { messages, stop } of [first, second]) {
      const ids = () =>
        messages.flatMap(({ event, data }) =>
          event === 'snapshot'
            ? (data.events as { id: number }[]).map(({ id }) => id).reverse()
            : event === 'event'
              ? [data.id as number]
              : [],
        );
      await until(() => ids().length >= 61);
      expect(ids()).toEqual(Array.from({ length: 61 }, (_, index) => index + 1));
      stop();
    }
  });

  it('ends when the hub stops, however many read', async () => {
    const readers = await Promise.all([reader(), reader(), reader()]);
    await hub.stopHub();
    await Promise.all(readers.map(({ ended }) => ended));
  });
});
