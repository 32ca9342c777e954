import { describe, expect, it } from 'vitest';
import { conflictOf, DEVICE_METHODS, deviceMethod, methodName } from '../../src/learn/device-method.js';
import { errorOf } from '../error-of.js';

describe('methods of a device by name', () => {
  it('are the ten, auto, and the lower reference', () => {
    expect([...DEVICE_METHODS].sort()).toEqual(
      [
        'a-gem',
        'ags-cl',
        'auto',
        'cpg',
        'den',
        'er',
        'ewc',
        'gem',
        'naive',
        'piggyback',
        'pnn',
        'vcl',
      ].sort(),
    );
    for (const name of DEVICE_METHODS) expect(methodName(deviceMethod(name))).toBe(name);
  });

  it('go together across axes', () => {
    expect(deviceMethod('ewc+er')).toEqual({ isolation: 'shared', regularization: 'ewc', rehearsal: 'er' });
    expect(deviceMethod('gem+ags-cl')).toEqual({
      ...{ isolation: 'shared', regularization: 'ags-cl', rehearsal: 'gem' },
    });
    expect(methodName(deviceMethod('er+vcl'))).toBe('vcl+er');
    // A mask is trained with what the memory holds of its own task, as it always was.
    expect(deviceMethod('piggyback+er')).toEqual(deviceMethod('piggyback'));
  });

  it.each([
    ['vcl+gem', /gem compares gradients/],
    ['er+gem', /both choices of one axis/],
    ['den+er', /den keeps what each task learned apart/],
    ['pnn+ewc', /pnn keeps what each task learned apart/],
    ['piggyback+ewc', /each task's weights are its own, so that ewc has nothing to hold in place/],
    ['piggyback+gem', /gem has no earlier task to rehearse/],
    ['naive+er', /stands alone/],
    ['auto+er', /auto chooses/],
  ])('%s is refused with the reason', (name, message) => {
    const error = errorOf(() => deviceMethod(name));
    expect(error.code).toBe('method-combination');
    expect(error.message).toMatch(message);
  });

  it('that are not known are refused with those that are', () => {
    const error = errorOf(() => deviceMethod('ewk'));
    expect(error.code).toBe('method-unknown');
    expect(error.message).toContain("there is no method 'ewk' to learn with; known: piggyback, pnn, auto");
  });

  it('say which axis a conflict is on', () => {
    expect(conflictOf({ isolation: 'cpg', regularization: 'none', rehearsal: 'er' })?.axis).toBe('rehearsal');
    expect(conflictOf({ isolation: 'pnn', regularization: 'vcl', rehearsal: 'er' })?.axis).toBe(
      'regularization',
    );
    expect(conflictOf({ isolation: 'shared', regularization: 'vcl', rehearsal: 'a-gem' })?.axis).toBe(
      'rehearsal',
    );
    expect(conflictOf({ isolation: 'shared', regularization: 'vcl', rehearsal: 'er' })).toBeUndefined();
  });
});
