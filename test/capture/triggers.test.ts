import { afterEach, describe, expect, it } from 'vitest';
import { Feeds } from '../../src/capture/feeds.js';
import { matches } from '../../src/capture/mqtt-feed.js';
import { IntervalTrigger } from '../../src/capture/triggers/interval.js';
import { MessageTrigger } from '../../src/capture/triggers/message.js';
import { ScheduleTrigger } from '../../src/capture/triggers/schedule.js';
import { AedesBroker } from '../link/brokers.js';
import { Observer } from '../link/observer.js';
import { until } from '../link/until.js';

const cleanUp: (() => unknown)[] = [];
afterEach(async () => {
  for (const work of cleanUp.splice(0).reverse()) await work();
});

describe('an interval', () => {
  it('is due at once, then after its time, and when the clock was set back', () => {
    const trigger = new IntervalTrigger(1000);
    expect(trigger.due(5000)).toBe(true);
    trigger.done(5000);
    expect([5500, 5999, 6000].map((now) => trigger.due(now))).toEqual([false, false, true]);
    expect(trigger.due(100)).toBe(true);
  });
});

describe('a schedule', () => {
  it('asks for a picture when its time has come, once', async () => {
    const trigger = new ScheduleTrigger('* * * * * *');
    trigger.start();
    cleanUp.push(() => trigger.stop());
    expect(trigger.due()).toBe(false);
    await until(() => trigger.due());
    expect(trigger.asked).toBe(true);
    trigger.done();
    expect(trigger.due()).toBe(false);
    await until(() => trigger.due());
  });
});

describe('a message', () => {
  async function listening() {
    const broker = new AedesBroker();
    await broker.start();
    cleanUp.push(() => broker.remove());
    const observer = await Observer.at(broker.url);
    cleanUp.push(() => observer.stop());
    const feeds = new Feeds('cam', { url: broker.url, protocol: 4, reconnectMax: 1000 }, 1);
    const trigger = new MessageTrigger(feeds.get(undefined), 'home/door/ask');
    return { broker, observer, feeds, trigger };
  }

  it('asks for a picture, and says what it shows where it says so', async () => {
    const { observer, trigger } = await listening();
    const publish = (payload: string) => observer.client.publishAsync('home/door/ask', payload, { qos: 1 });
    trigger.start();
    cleanUp.push(() => trigger.stop());
    // A message before the subscription is there reaches nobody.
    await until(() => {
      void publish('');
      return trigger.due();
    });
    expect(trigger.meaning).toEqual({});
    for (const [payload, meaning] of [
      ['{"label": "open", "task": "doors"}', { task: 'doors', label: 'open' }],
      ['{"label": "half open"}', { label: 'half open' }],
      ['{"label": 3, "task": "a/b"}', {}],
      ['[1', {}],
    ] as const) {
      await publish(payload);
      await until(() => JSON.stringify(trigger.meaning) === JSON.stringify(meaning));
      trigger.done();
    }
    expect(trigger.due()).toBe(false);
  });

  it('that the broker kept from before asks for nothing', async () => {
    const { observer, trigger, feeds } = await listening();
    await observer.client.publishAsync('home/door/ask', 'old', { qos: 1, retain: true });
    const seen: boolean[] = [];
    trigger.start();
    cleanUp.push(() => trigger.stop());
    cleanUp.push(feeds.get(undefined).subscribe('home/door/ask', (_, __, retained) => seen.push(retained)));
    await until(() => seen.includes(true));
    expect(trigger.due()).toBe(false);
  });

  it('is heard again after the broker was away', async () => {
    const { broker, observer, trigger } = await listening();
    trigger.start();
    cleanUp.push(() => trigger.stop());
    await until(() => {
      observer.client.publish('home/door/ask', '', { qos: 0 });
      return trigger.due();
    });
    await broker.stop();
    await broker.start();
    trigger.done();
    const second = await Observer.at(broker.url);
    cleanUp.push(() => second.stop());
    await until(() => {
      second.client.publish('home/door/ask', '', { qos: 0 });
      return trigger.due();
    });
  });
});

describe('a filter', () => {
  it.each([
    ['a/b', 'a/b', true],
    ['a/b', 'a/b/c', false],
    ['a/+', 'a/b', true],
    ['a/+', 'a', false],
    ['+/b', '/b', true],
    ['a/#', 'a', true],
    ['a/#', 'a/b/c', true],
    ['#', 'a/b', true],
    ['#', '$SYS/x', false],
    ['+/x', '$SYS/x', false],
    ['$SYS/#', '$SYS/x', true],
    ['frigate/+/person/snapshot', 'frigate/yard/person/snapshot', true],
  ])('%s names %s: %s', (filter, topic, expected) => {
    expect(matches(filter, topic)).toBe(expected);
  });
});
