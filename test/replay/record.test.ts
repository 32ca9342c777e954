import fc from 'fast-check';
import { expect, test } from 'vitest';
import { decodeRecord, encodeRecord } from '../../src/replay/record.js';

test('a record comes back as it was, whatever its names', () => {
  const text = fc.string({ unit: 'grapheme', minLength: 1 }).filter((s) => Buffer.byteLength(s) <= 64);
  fc.assert(
    fc.property(
      fc.record({
        id: fc.string({ unit: fc.constantFrom(...'0123456789abcdef'), minLength: 32, maxLength: 32 }),
        task: text,
        label: text,
        heldOut: fc.boolean(),
        at: fc.double({ noNaN: true, noDefaultInfinity: true }),
        order: fc.nat(),
        latent: fc.uint8Array({ maxLength: 300 }),
      }),
      (record) => {
        expect(decodeRecord(new Uint8Array(encodeRecord(record)))).toEqual(record);
      },
    ),
    { seed: 2 },
  );
});
