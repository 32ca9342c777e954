import { expect, test } from 'vitest';
import type { Card } from '../../../src/label/api.js';
import { mergeDeck, taskOfCard } from '../../../src/label/page/deck.js';

const card = (sample: string, task?: string): Card => ({
  sample,
  source: 'camera',
  at: 0,
  reason: 'unsure',
  answer:
    task === undefined
      ? null
      : {
          task,
          label: 'a',
          probability: 0.5,
          version: 1,
          all: [{ label: 'a', probability: 0.5 }],
          novel: false,
        },
  weak: null,
});
const names = (cards: Card[]) => cards.map(({ sample }) => sample).join(' ');
const cards = (text: string) => text.split(' ').map((sample) => card(sample));

test('the card that is looked at stays first while it waits', () => {
  expect(names(mergeDeck(cards('b c'), cards('a b c d'), new Set(), null))).toBe('b a c d');
  expect(names(mergeDeck(cards('b c'), cards('a c d'), new Set(), null))).toBe('a c d');
  expect(names(mergeDeck([], cards('a b'), new Set(), null))).toBe('a b');
});

test('what was answered here does not come back before the device knows', () => {
  expect(names(mergeDeck(cards('b c'), cards('a b c'), new Set(['a']), null))).toBe('b c');
  expect(names(mergeDeck([], cards('a'), new Set(['a']), null))).toBe('');
});

test('what was taken back comes first', () => {
  expect(names(mergeDeck(cards('b c'), cards('a b c'), new Set(), 'a'))).toBe('a b c');
  expect(names(mergeDeck(cards('b c'), cards('b c'), new Set(), 'gone'))).toBe('b c');
});

test('classes are offered of the chosen task, else of the one that answered, else of the first open one', () => {
  const tasks = [
    { task: 'closed', closed: true },
    { task: 'signs', closed: false },
    { task: 'tiles', closed: false },
  ];
  expect(taskOfCard(card('a', 'tiles'), tasks, 'signs')).toBe('signs');
  expect(taskOfCard(card('a', 'tiles'), tasks, null)).toBe('tiles');
  expect(taskOfCard(card('a', 'closed'), tasks, null)).toBe('signs');
  expect(taskOfCard(card('a'), tasks, 'gone')).toBe('signs');
  expect(taskOfCard(card('a'), [], null)).toBeNull();
});
