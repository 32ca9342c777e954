import { expect, test } from 'vitest';
import { agentConfigSchema } from '../../../src/agent/config.js';
import { settingsOf } from '../../../src/config/schema-keys.js';
import type { EventView } from '../../../src/label/api.js';
import { eventText } from '../../../src/label/page/i18n/event-text.js';
import { koEvents } from '../../../src/label/page/i18n/ko-events.js';
import { koSetting, koSettings } from '../../../src/label/page/i18n/ko-settings.js';
import type { EventData, EventKind } from '../../../src/link/event-data.js';

const HANGUL = /[가-힣]/;
const settings = settingsOf(agentConfigSchema);
const variantOf = (variant: (typeof settings)[number]['variant']) => variant && String(variant.value);

test('every setting has a Korean description, members of lists for each kind, too', () => {
  const without = settings.filter(({ key, variant }) => koSetting(key, variantOf(variant)) === undefined);
  expect(without.map(({ key, variant }) => `${key} ${variantOf(variant) ?? ''}`)).toEqual([]);
  // 'Home Assistant.' is a name.
  const foreign = Object.entries(koSettings).filter(
    ([key, text]) => !HANGUL.test(text) && key !== 'homeAssistant',
  );
  expect(foreign).toEqual([]);
});

test('no Korean description is left of a setting that is no more, and where English differs, so does Korean', () => {
  const known = new Set(
    settings.flatMap(({ key, variant }) => [key, key.replace('[]', `[${variantOf(variant)}]`)]),
  );
  expect(Object.keys(koSettings).filter((key) => !known.has(key))).toEqual([]);
  const english = new Map<string, Set<string>>();
  const korean = new Map<string, Set<string>>();
  for (const { key, description, variant } of settings) {
    english.set(key, (english.get(key) ?? new Set()).add(description));
    korean.set(key, (korean.get(key) ?? new Set()).add(koSetting(key, variantOf(variant))!));
  }
  for (const [key, texts] of english) expect(korean.get(key)!.size, key).toBe(texts.size);
});

const data: { [K in EventKind]: EventData[K][] } = {
  'picture-set-aside': [{ path: 'inbox/a.png', reason: 'it is cut short' }],
  'source-failed': [{ source: 'door', reason: 'Connection refused' }],
  'source-works': [{ source: 'door' }],
  drift: [
    { source: 'door', task: 'goods', kind: 'novelty' },
    { source: 'door', task: 'goods', kind: 'confidence' },
  ],
  'task-opened': [{ task: 'door-2', source: 'door', like: 'goods' }],
  'training-started': [{ task: 'goods' }],
  'training-failed': [
    { task: 'goods', code: 'learn-no-samples', reason: 'too few' },
    { task: 'goods', code: 'defect', reason: 'a defect' },
    {
      ...{ task: 'goods', code: 'training-not-now', reason: 'no training now: heat' },
      hindrance: { kind: 'heat', celsius: 79, limit: 75 },
    },
    {
      ...{ task: 'goods', code: 'training-not-now', reason: 'no training now: memory' },
      hindrance: { kind: 'memory', free: 50 * 2 ** 20, needed: 150 * 2 ** 20 },
    },
    { task: 'goods', code: 'training-not-now', reason: 'battery', hindrance: { kind: 'battery' } },
    {
      task: 'goods',
      code: 'training-not-now',
      reason: 'disk',
      hindrance: { kind: 'disk', free: 0, needed: 1 },
    },
  ],
  promoted: [{ task: 'goods', version: 3, heldOutAccuracy: 0.94, instantAccuracy: 0.9 }],
  'candidate-kept': [{ task: 'goods', version: 3, heldOutAccuracy: null, instantAccuracy: null }],
  'changed-along': [{ task: 'goods', trained: 'tops', version: 3, before: 0.9, after: 0.89 }],
  'rolled-back': [
    { task: 'goods', version: 2 },
    { task: 'goods', version: 'instant' },
  ],
  'task-closed': [{ task: 'goods' }],
  'pack-offered': [{ task: 'goods', version: 4 }],
  'pack-installed': [{ task: 'goods', version: 4, accuracy: 0.9 }],
  'pack-kept': [{ task: 'goods', version: 4, accuracy: null }],
  'pack-refused': [{ code: 'pack-tampered', reason: 'the signature is wrong' }],
};
/** Names of tasks, sources and files, and units: what a Korean sentence may hold of Latin letters. */
const NAMES = /goods|tops|door(-2)?|inbox\/a\.png|MiB|°C/g;

test('every kind of event is told in Korean by its data alone, with what is said word for word beside it', () => {
  expect(Object.keys(data).sort()).toEqual(Object.keys(koEvents).sort());
  for (const [kind, many] of Object.entries(data)) {
    for (const one of many) {
      const event = { at: 0, kind, severity: 'info', message: 'in English', data: one } as EventView;
      const { text, reason } = eventText(event, 'ko');
      expect(text, kind).toMatch(HANGUL);
      expect(text.replace(NAMES, ''), kind).not.toMatch(/[A-Za-z]|undefined|null|NaN/);
      if ('reason' in one && !('hindrance' in one)) expect(reason).toBe(one.reason);
      else expect(reason).toBeUndefined();
      expect(eventText(event, 'en')).toEqual({ text: 'in English' });
    }
  }
});

test('names and figures are put in, with the particles that they take', () => {
  const told = (event: Partial<EventView>) => eventText(event as EventView, 'ko').text;
  expect(told({ kind: 'promoted', data: data.promoted[0]! })).toBe(
    'goods 작업을 학습했고, 이제 버전 3이 답합니다. 시험용 사진에서 정확도는 94.0%, 즉석 답은 90.0%입니다.',
  );
  expect(told({ kind: 'rolled-back', data: data['rolled-back'][1]! })).toBe(
    'goods 작업을 즉석 답으로 되돌렸습니다.',
  );
});
