import { expect, test } from 'vitest';
import type { StudyView } from '../../../src/label/api.js';
import { forecastSentence } from '../../../src/label/page/forecast.js';
import { en } from '../../../src/label/page/i18n/en.js';
import { ko } from '../../../src/label/page/i18n/ko.js';

const study = (forecast: StudyView['forecast']): StudyView => ({
  at: 0,
  samples: 12,
  confusion: null,
  curve: [],
  forecast,
  doubtful: [],
});

test('what more labels would bring, in one sentence', () => {
  const more = study({ moreLabels: 20, accuracy: 0.955, now: 0.943, enough: false });
  expect(forecastSentence(more, en, 'en')).toBe(
    '20 more labels would bring about +1.2 points: from 94.3% to 95.5%.',
  );
  expect(forecastSentence(more, ko, 'ko')).toBe(
    '레이블을 20개 더 모으면 정확도가 약 +1.2%p 올라 94.3%에서 95.5%가 될 것으로 보입니다.',
  );
});

test('a gain that nobody would label for is enough', () => {
  const enough = 'It is enough: at 99.2%, more labels would bring next to nothing.';
  expect(
    forecastSentence(study({ moreLabels: 50, accuracy: 0.995, now: 0.992, enough: true }), en, 'en'),
  ).toBe(enough);
  expect(
    forecastSentence(study({ moreLabels: 50, accuracy: 0.9923, now: 0.992, enough: false }), en, 'en'),
  ).toBe(enough);
});

test('too few labels to tell', () => {
  expect(forecastSentence(study(null), en, 'en')).toBe(
    '12 labelled pictures are too few to tell what more would bring.',
  );
});
