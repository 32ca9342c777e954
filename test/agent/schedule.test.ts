import { expect, it } from 'vitest';
import { agentConfigSchema } from '../../src/agent/config.js';
import { Schedule } from '../../src/agent/schedule.js';

it('calls at every time that the expression names, from start to stop', async () => {
  const times: number[] = [];
  let enough = () => {};
  const two = new Promise<void>((resolve) => {
    enough = resolve;
  });
  const { schedule: settings } = agentConfigSchema.parse({
    schedule: { train: '* * * * * *', timezone: 'UTC' },
  });
  const schedule = new Schedule(settings, () => {
    times.push(Date.now());
    if (times.length === 2) enough();
  });
  await new Promise((resolve) => setTimeout(resolve, 1100));
  expect(times).toEqual([]);
  schedule.start();
  await two;
  schedule.stop();
  const gaps = times.slice(1).map((t, i) => t - times[i]!);
  for (const gap of gaps) expect(gap).toBeGreaterThan(500);
  await new Promise((resolve) => setTimeout(resolve, 1500));
  expect(times).toHaveLength(2);
});

it('never calls for an empty expression', async () => {
  let calls = 0;
  const schedule = new Schedule({ train: '' }, () => calls++);
  schedule.start();
  await new Promise((resolve) => setTimeout(resolve, 1100));
  schedule.stop();
  expect(calls).toBe(0);
});
