import fc from 'fast-check';
import { expect, test } from 'vitest';
import { canonicalJson } from '../../src/pack/canonical-json.js';

test('keys are sorted at every depth and nothing is padded', () => {
  expect(canonicalJson({ b: [1, { z: null, a: 'é"' }], a: true, 10: 1, 9: 0.5 })).toBe(
    '{"10":1,"9":0.5,"a":true,"b":[1,{"a":"é\\"","z":null}]}',
  );
});

test('any JSON value comes back, and the order of keys does not matter', () => {
  fc.assert(
    fc.property(fc.jsonValue(), (value) => {
      const text = canonicalJson(value);
      expect(canonicalJson(JSON.parse(text))).toBe(text);
      expect(JSON.parse(text)).toEqual(JSON.parse(JSON.stringify(value)));
    }),
    { seed: 3 },
  );
});

test('what JSON cannot hold is refused', () => {
  for (const value of [Number.NaN, Number.POSITIVE_INFINITY, undefined, { a: undefined }, () => 1]) {
    expect(() => canonicalJson(value)).toThrow(TypeError);
  }
});
