import { describe, expect, it } from 'vitest';
import { LichenError } from '../../src/errors.js';
import {
  isolationNamed,
  regularizationNamed,
  rehearsalNamed,
  TRAINABLE_ISOLATIONS,
} from '../../src/learn/methods.js';

describe('methods by name', () => {
  it.each(['piggyback', 'pnn', 'frozen'])('isolation %s', (name) => {
    expect(isolationNamed(name).name).toBe(name);
    expect(isolationNamed(name)).not.toBe(isolationNamed(name));
  });

  it('others', () => {
    expect(regularizationNamed('none').name).toBe('none');
    for (const name of ['er', 'none']) expect(rehearsalNamed(name).name).toBe(name);
    for (const name of TRAINABLE_ISOLATIONS) expect(isolationNamed(name).name).toBe(name);
  });

  it.each<[string, () => unknown, RegExp]>([
    [
      'isolation',
      () => isolationNamed('pigyback'),
      /no isolation strategy 'pigyback'; known: piggyback, pnn, frozen/,
    ],
    ['regularization', () => regularizationNamed('ewc'), /no regularization strategy 'ewc'; known: none/],
    ['rehearsal', () => rehearsalNamed(''), /no rehearsal strategy ''; known: er, none/],
    [
      'names that every object knows',
      () => isolationNamed('constructor'),
      /no isolation strategy 'constructor'/,
    ],
  ])('that are not known are refused with those that are: %s', (_, find, message) => {
    expect(find).toThrow(LichenError);
    expect(find).toThrow(message);
  });
});
