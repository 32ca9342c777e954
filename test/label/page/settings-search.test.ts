import { expect, test } from 'vitest';
import { groupSettings, matchSettings } from '../../../src/label/page/settings/search.js';
import type { SettingView } from '../../../src/label/settings-api.js';

const setting = (key: string, description: string): SettingView => ({
  key,
  description,
  kind: 'text',
  allowed: [],
  value: '',
  default: '',
  secret: false,
  changed: false,
  list: null,
});
const settings = [
  setting('replay.cap', 'The most bytes of the memory.'),
  setting('device', 'The name of the device.'),
  setting('broker.url', 'The broker that takes the reports.'),
  setting('replay.policy', 'Who stays in a full memory.'),
];

test('every word of the query has to be there', () => {
  const keys = (query: string) => matchSettings(settings, query, 'en').map(({ key }) => key);
  expect(keys('')).toEqual(settings.map(({ key }) => key));
  expect(keys('MEMORY')).toEqual(['replay.cap', 'replay.policy']);
  expect(keys('memory  policy')).toEqual(['replay.policy']);
  expect(keys('replay broker')).toEqual([]);
});

test('the description is searched in the language of the page', () => {
  const keys = (query: string) => matchSettings(settings, query, 'ko').map(({ key }) => key);
  expect(keys('브로커')).toEqual([]);
  expect(keys('재생 메모리')).toEqual(['replay.cap']);
});

test('settings are grouped by the first part of their key, those without one first', () => {
  expect(
    groupSettings(settings).map(({ group, settings }) => [group, settings.map(({ key }) => key)]),
  ).toEqual([
    ['', ['device']],
    ['replay', ['replay.cap', 'replay.policy']],
    ['broker', ['broker.url']],
  ]);
});
