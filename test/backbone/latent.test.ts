import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeLatent, encodeLatent, latentBytes } from '../../src/backbone/latent.js';

describe('the latent codec', () => {
  it('takes 9,792 bytes for the default backbone', () => {
    expect(latentBytes({ channels: 192, positions: 49 })).toBe(9792);
  });

  it('keeps floats as they are where it is told to', () => {
    const shape = { channels: 2, positions: 3, encoding: 'float32' as const };
    const values = Float32Array.of(1.1, -2.2, 3.3, 1e-20, -0, 1e20);
    const encoded = encodeLatent(values, shape);
    expect(encoded.length).toBe(latentBytes(shape));
    expect(decodeLatent(encoded, shape)).toEqual(values);
  });

  it('errs by at most half a step of each channel, whatever the values', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 5 }),
        fc.integer({ min: 1, max: 9 }),
        fc.infiniteStream(fc.float({ noNaN: true, noDefaultInfinity: true, min: -1e4, max: 1e4 })),
        (channels, positions, stream) => {
          const values = Float32Array.from(
            { length: channels * positions },
            () => stream.next().value as number,
          );
          const back = decodeLatent(encodeLatent(values, { channels, positions }), { channels, positions });
          for (let c = 0; c < channels; c++) {
            const row = values.subarray(c * positions, (c + 1) * positions);
            const peak = row.reduce((m, v) => Math.max(m, Math.abs(v)), 0);
            // Half a step, and what rounding the scale to half precision costs the largest value.
            const allowed = (peak / 127) * (0.5 + 127 / 1024) + 2 ** -18;
            row.forEach((v, p) => {
              expect(Math.abs(v - back[c * positions + p]!)).toBeLessThanOrEqual(allowed);
            });
          }
        },
      ),
    );
  });

  it.each(['int8', 'float32'] as const)(
    'reads %s from a part of a Buffer as from bytes of its own',
    (encoding) => {
      const shape = { channels: 2, positions: 4, encoding };
      const latents = [1, 2, 3].map((k) =>
        encodeLatent(
          Float32Array.from({ length: 8 }, (_, i) => k * (i - 3)),
          shape,
        ),
      );
      const size = latentBytes(shape);
      const file = Buffer.concat(latents);
      latents.forEach((latent, k) => {
        expect(decodeLatent(file.subarray(k * size, (k + 1) * size), shape)).toEqual(
          decodeLatent(latent, shape),
        );
      });
    },
  );

  it('refuses bytes of another length', () => {
    expect(() => decodeLatent(new Uint8Array(10), { channels: 2, positions: 4 })).toThrow(/12 bytes, got 10/);
  });
});
