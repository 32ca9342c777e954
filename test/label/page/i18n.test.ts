import { expect, test } from 'vitest';
import { en } from '../../../src/label/page/i18n/en.js';
import { ko } from '../../../src/label/page/i18n/ko.js';
import { preferredLanguage } from '../../../src/label/page/i18n/languages.js';
import { withParticle } from '../../../src/label/page/i18n/particle.js';

const HANGUL = /[가-힣]/;

/** Every text of a dictionary by its path; functions are called with words that can be found again. */
function texts(dictionary: object, path = ''): Map<string, { text: string; words: string[] }> {
  const found = new Map<string, { text: string; words: string[] }>();
  for (const [key, value] of Object.entries(dictionary)) {
    const at = `${path}${key}`;
    if (typeof value === 'string') found.set(at, { text: value, words: [] });
    else if (typeof value === 'function') {
      const words = Array.from({ length: value.length }, (_, index) => `Wort${index}`);
      found.set(at, { text: value(...words), words });
    } else for (const [inner, text] of texts(value, `${at}.`)) found.set(inner, text);
  }
  return found;
}

const english = texts(en);
const korean = texts(ko);

test('both languages say the same things', () => {
  expect([...korean.keys()].filter((path) => !path.startsWith('errors.')).sort()).toEqual(
    [...english.keys()].filter((path) => !path.startsWith('errors.')).sort(),
  );
  expect(english.size).toBeGreaterThan(200);
});

test.each([
  ['English', english],
  ['Korean', korean],
])('%s texts are there and put in every name and figure that they are given', (_, all) => {
  for (const [path, { text, words }] of all) {
    expect(text.trim(), path).not.toBe('');
    for (const word of words) expect(text, path).toContain(word);
  }
});

test('English is written in Latin letters, and Korean in Hangul', () => {
  for (const [path, { text }] of english) expect(text, path).not.toMatch(HANGUL);
  for (const [path, { text }] of korean) {
    // Names that are the same in every language are all that these say.
    if (!['login.title', 'privacy.kinds.home-assistant.0'].includes(path)) expect(text, path).toMatch(HANGUL);
  }
});

test.each([
  ['양품', '을/를', '양품을'],
  ['나사', '을/를', '나사를'],
  ['연필', '으로/로', '연필로'],
  ['연필', '을/를', '연필을'],
  ['볼트', '으로/로', '볼트로'],
  ['불량', '으로/로', '불량으로'],
  ['class-3', '이/가', 'class-3이'],
  ['class-2', '이/가', 'class-2가'],
  ['7', '으로/로', '7로'],
  ['6', '으로/로', '6으로'],
  ['10', '을/를', '10을'],
  ['line', '을/를', 'line을'],
  ['three', '을/를', 'three를'],
  ['one', '으로/로', 'one으로'],
  ['bottle', '으로/로', 'bottle로'],
  ['cup', '은/는', 'cup은'],
  ['door', '은/는', 'door는'],
  ['94.3%', '이/가', '94.3%가'],
  ['2.1 MB', '이/가', '2.1 MB가'],
  ['four', '이라고/라고', 'four라고'],
  ['없음', '이라고/라고', '없음이라고'],
] as const)('%s with %s is %s', (name, particle, written) => {
  expect(withParticle(name, particle)).toBe(written);
});

test('the language is the first that the browser wants and the page speaks', () => {
  expect(preferredLanguage(['ko-KR', 'en-US'])).toBe('ko');
  expect(preferredLanguage(['de-DE', 'ko'])).toBe('ko');
  expect(preferredLanguage(['en-GB', 'ko'])).toBe('en');
  expect(preferredLanguage(['fr', 'de'])).toBe('en');
  expect(preferredLanguage([])).toBe('en');
});
