import { expect, it } from 'vitest';
import { type Frame, frameView, RecentFrames } from '../../src/label/recent-frames.js';
import { answerOf } from './queue-rooms.js';

const frame = (sample: string, at: number, source = 'cam'): Frame => ({
  ...{ sample, source, at, bytes: Buffer.alloc(0), latent: new Uint8Array(0) },
  ...{ answer: undefined, smoothed: undefined },
});

it('holds the newest of each source, and what somebody looks at', () => {
  const frames = new RecentFrames();
  const first = frame('a0', 0);
  frames.add(first);
  frames.lookedAt(first);
  for (let k = 1; k <= 8; k++) frames.add(frame(`a${k}`, k));
  frames.add(frame('b', 9, 'door'));
  expect(frames.newest().map((f) => f.sample)).toEqual(['a8', 'b']);
  expect(frames.get('a2')).toBeUndefined();
  expect(frames.get('a3')).toBeDefined();
  expect(frames.get('a0')).toBe(first);
  for (let k = 0; k < 12; k++) frames.lookedAt(frame(`l${k}`, k));
  expect(frames.get('a0')).toBeUndefined();
});

it('forgets the source that was quiet for longest where there are too many', () => {
  const frames = new RecentFrames();
  for (let k = 0; k < 32; k++) frames.add(frame(`s${k}`, k, `source ${k}`));
  frames.add(frame('again', 40, 'source 0'));
  frames.add(frame('new', 41, 'source 32'));
  expect(frames.get('s0')).toBeDefined();
  expect(frames.get('s1')).toBeUndefined();
  expect(frames.newest()).toHaveLength(32);
});

it('finds the picture nearest in time', () => {
  const frames = new RecentFrames();
  frames.add(frame('a', 100));
  frames.add(frame('b', 200, 'door'));
  frames.add(frame('c', 300));
  expect(frames.near(210, 50)!.sample).toBe('b');
  expect(frames.near(210, 150, 'cam')!.sample).toBe('c');
  expect(frames.near(210, 50, 'cam')).toBeUndefined();
  expect(frames.near(400, 100)!.sample).toBe('c');
  expect(frames.near(401, 100)).toBeUndefined();
});

it('takes another answer for a picture, and shows no label of what is novel', () => {
  const frames = new RecentFrames();
  for (const k of [1, 2]) frames.add(frame(`a${k}`, k));
  expect(frames.answer('a1', answerOf('bag', 0.9))).toBeUndefined();
  expect(frames.get('a1')!.answer!.label).toBe('bag');
  const newest = frames.answer('a2', answerOf('bag', 0.9, { novel: true }))!;
  expect(frameView(newest)).toMatchObject({
    sample: 'a2',
    smoothed: null,
    answer: { label: null, novel: true },
  });
  expect(frames.answer('unknown', answerOf('bag', 0.9))).toBeUndefined();
});
