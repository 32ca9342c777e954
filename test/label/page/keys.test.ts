import { expect, test } from 'vitest';
import { questionAction } from '../../../src/label/page/keys.js';

const key = (name: string, code = '', held: 'ctrlKey' | 'metaKey' | 'altKey' | null = null) => ({
  key: name,
  code,
  ctrlKey: held === 'ctrlKey',
  metaKey: held === 'metaKey',
  altKey: held === 'altKey',
});

test('the digits pick the classes that are there', () => {
  expect(questionAction(key('1', 'Digit1'), 3)).toEqual({ kind: 'class', index: 0 });
  expect(questionAction(key('3', 'Numpad3'), 3)).toEqual({ kind: 'class', index: 2 });
  expect(questionAction(key('4', 'Digit4'), 3)).toBeNull();
  expect(questionAction(key('0', 'Digit0'), 12)).toBeNull();
});

test('letters skip, delete, undo, name; Enter takes the guess', () => {
  expect(questionAction(key('s', 'KeyS'), 3)).toEqual({ kind: 'skip' });
  expect(questionAction(key('B', 'KeyB'), 3)).toEqual({ kind: 'bad' });
  expect(questionAction(key('z', 'KeyZ'), 3)).toEqual({ kind: 'undo' });
  expect(questionAction(key('n', 'KeyN'), 3)).toEqual({ kind: 'new' });
  expect(questionAction(key('Enter', 'Enter'), 3)).toEqual({ kind: 'confirm' });
  expect(questionAction(key('q', 'KeyQ'), 3)).toBeNull();
  expect(questionAction(key('Tab', 'Tab'), 3)).toBeNull();
});

test('the printed letter counts; where there is none, the place of the key', () => {
  // Z and Y change places on a German keyboard.
  expect(questionAction(key('z', 'KeyY'), 3)).toEqual({ kind: 'undo' });
  expect(questionAction(key('y', 'KeyZ'), 3)).toBeNull();
  // Hangul, and a keyboard that is just composing it.
  expect(questionAction(key('ㄴ', 'KeyS'), 3)).toEqual({ kind: 'skip' });
  expect(questionAction(key('Process', 'KeyB'), 3)).toEqual({ kind: 'bad' });
  // The digit row of a French keyboard.
  expect(questionAction(key('&', 'Digit1'), 3)).toEqual({ kind: 'class', index: 0 });
});

test('combinations are the browser’s', () => {
  for (const held of ['ctrlKey', 'metaKey', 'altKey'] as const) {
    expect(questionAction(key('z', 'KeyZ', held), 3)).toBeNull();
    expect(questionAction(key('1', 'Digit1', held), 3)).toBeNull();
  }
});
