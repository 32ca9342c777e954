import { sign } from 'node:crypto';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { LichenError } from '../../src/errors.js';
import { trustedKeyOf } from '../../src/pack/keys.js';
import { createPack, MAX_ADAPTER_BYTES, openPack } from '../../src/pack/pack.js';
import { adapter, content, keys, strangers } from './fixture.js';

const pack = createPack(content, adapter, keys.signing);
const trusted = [strangers.trusted, keys.trusted];
const MANIFEST_AT = 28;
const adapterAt = pack.length - 64 - adapter.length;

/** The code with which a pack is refused; fails the test if it is accepted or the error is not ours. */
function refusal(bytes: Uint8Array, by = trusted): string {
  try {
    openPack(bytes, by);
  } catch (error) {
    expect(error).toBeInstanceOf(LichenError);
    return (error as LichenError).code;
  }
  throw new Error('the pack was accepted');
}

/** The pack with some bytes replaced. */
function patched(at: number, bytes: Uint8Array): Buffer {
  const copy = Buffer.from(pack);
  copy.set(bytes, at);
  return copy;
}

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
}

/** A pack around any manifest, signed by the right key: what a faulty signer could make. */
function signedAnyway(manifest: Buffer, body: Uint8Array = adapter): Buffer {
  const head = Buffer.from(pack.subarray(0, MANIFEST_AT));
  head.writeUInt32LE(manifest.length, 20);
  head.writeUInt32LE(body.length, 24);
  const all = Buffer.concat([head, manifest, body]);
  const domain = Buffer.from('lichen pack signature, format 1\0');
  return Buffer.concat([all, sign(null, Buffer.concat([domain, all]), keys.signing.privateKey)]);
}

const manifestText = () => Buffer.from(pack).toString('utf8', MANIFEST_AT, adapterAt);

test('a pack opens with its signer trusted, and holds what was put in', () => {
  const { manifest, adapter: found } = openPack(pack, trusted);
  expect(manifest).toMatchObject(content);
  expect(manifest.signer).toBe(keys.trusted.id);
  expect(Buffer.from(found).equals(adapter)).toBe(true);
  expect(Buffer.from(createPack(content, adapter, keys.signing)).equals(pack)).toBe(true);
  expect(signedAnyway(Buffer.from(manifestText())).equals(pack)).toBe(true);
});

test('the layout is the documented one', () => {
  const bytes = Buffer.from(pack);
  expect(bytes.toString('latin1', 0, 8)).toBe('LICHENPK');
  expect(bytes.readUInt32LE(8)).toBe(1);
  expect(bytes.toString('hex', 12, 20)).toBe(keys.trusted.id);
  expect(bytes.readUInt32LE(20)).toBe(adapterAt - MANIFEST_AT);
  expect(bytes.readUInt32LE(24)).toBe(adapter.length);
  expect(bytes.subarray(adapterAt, adapterAt + adapter.length).equals(adapter)).toBe(true);
});

test('each way to be wrong has its own code', () => {
  expect(refusal(pack, [])).toBe('pack-untrusted');
  expect(refusal(pack, [strangers.trusted])).toBe('pack-untrusted');
  // A key that only claims the id does not help.
  expect(refusal(pack, [{ ...strangers.trusted, id: keys.trusted.id }])).toBe('pack-tampered');
  expect(refusal(createPack(content, adapter, strangers.signing), [keys.trusted])).toBe('pack-untrusted');
  expect(refusal(patched(8, uint32(2)))).toBe('pack-unsupported');
  expect(refusal(patched(8, uint32(0)))).toBe('pack-malformed');
  expect(refusal(patched(0, Buffer.from('l')))).toBe('pack-malformed');
  expect(refusal(patched(20, uint32(2 ** 32 - 1)))).toBe('pack-malformed');
  expect(refusal(patched(24, uint32(MAX_ADAPTER_BYTES + 1)))).toBe('pack-malformed');
  expect(refusal(patched(adapterAt, Buffer.from([adapter[0]! ^ 1])))).toBe('pack-tampered');
  expect(refusal(patched(MANIFEST_AT + 20, Buffer.from('x')))).toBe('pack-tampered');
  expect(refusal(patched(pack.length - 1, Buffer.from([0x5a])))).toBe('pack-tampered');
  expect(refusal(Buffer.alloc(0))).toBe('pack-malformed');
});

test('what a trusted but faulty signer makes is refused as well', () => {
  expect(refusal(signedAnyway(Buffer.from('{}')))).toBe('pack-malformed');
  expect(refusal(signedAnyway(Buffer.from('not json')))).toBe('pack-malformed');
  expect(refusal(signedAnyway(Buffer.alloc(200_000, '[')))).toBe('pack-malformed');
  expect(refusal(signedAnyway(Buffer.from(` ${manifestText()}`)))).toBe('pack-malformed');
  expect(refusal(signedAnyway(Buffer.from(manifestText()), adapter.subarray(1)))).toBe('pack-tampered');
  const otherSigner = manifestText().replace(keys.trusted.id, strangers.trusted.id);
  expect(refusal(signedAnyway(Buffer.from(otherSigner)))).toBe('pack-tampered');
});

test('a signature for the same bytes without the pack domain is none', () => {
  const body = Buffer.from(pack.subarray(0, pack.length - 64));
  expect(refusal(Buffer.concat([body, sign(null, body, keys.signing.privateKey)]))).toBe('pack-tampered');
});

test('no pack with flipped bits is accepted', () => {
  const bit = fc.integer({ min: 0, max: pack.length * 8 - 1 });
  fc.assert(
    fc.property(fc.uniqueArray(bit, { minLength: 1, maxLength: 4 }), (bits) => {
      const damaged = Buffer.from(pack);
      for (const at of bits) damaged[at >> 3]! ^= 1 << (at & 7);
      expect(refusal(damaged)).toMatch(/^pack-(malformed|tampered|untrusted|unsupported)$/);
    }),
    { seed: 5, numRuns: 1_000 },
  );
  // Every single bit of head and signature.
  for (const [from, to] of [
    [0, MANIFEST_AT],
    [pack.length - 64, pack.length],
  ] as const) {
    for (let at = from * 8; at < to * 8; at++) {
      const damaged = Buffer.from(pack);
      damaged[at >> 3]! ^= 1 << (at & 7);
      refusal(damaged);
    }
  }
});

test('no pack that is cut short, continued or joined with another is accepted', () => {
  for (let length = 0; length < pack.length; length += length < 100 ? 1 : 97) {
    expect(refusal(pack.subarray(0, length))).toBe('pack-malformed');
  }
  const other = createPack({ ...content, version: 4 }, adapter.subarray(0, 100), keys.signing);
  expect(refusal(Buffer.concat([pack, other]))).toBe('pack-malformed');
  expect(refusal(Buffer.concat([pack, Buffer.alloc(1)]))).toBe('pack-malformed');
  expect(refusal(Buffer.concat([Buffer.alloc(1), pack]))).toBe('pack-malformed');
  fc.assert(
    fc.property(fc.nat(other.length), fc.nat(pack.length), (head, tail) => {
      const joined = Buffer.concat([other.subarray(0, head), pack.subarray(tail)]);
      // Cut at the same place in what both have in common, the halves make a whole pack again.
      fc.pre(!joined.equals(pack) && !joined.equals(other));
      refusal(joined);
    }),
    { seed: 6, numRuns: 500 },
  );
});

test('no random bytes are accepted, and what they announce is never allocated', () => {
  const before = process.memoryUsage().arrayBuffers;
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 400 }), fc.boolean(), (bytes, plausible) => {
      const head = plausible ? pack.subarray(0, 20) : new Uint8Array(0);
      expect(refusal(Buffer.concat([head, bytes]))).toMatch(/^pack-/);
    }),
    { seed: 7, numRuns: 2_000 },
  );
  expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(MAX_ADAPTER_BYTES / 4);
});

test('a pack that cannot be is not made', () => {
  const failing = (text: string) =>
    expect.objectContaining({ code: 'pack-invalid', message: expect.stringContaining(text) });
  expect(() => createPack({ ...content, task: 'a b' }, adapter, keys.signing)).toThrow(failing('task'));
  expect(() => createPack(content, new Uint8Array(0), keys.signing)).toThrow(failing('adapter.bytes'));
  expect(() => createPack(content, new Uint8Array(MAX_ADAPTER_BYTES + 1), keys.signing)).toThrow(
    failing('too large'),
  );
  expect(trustedKeyOf(keys.signing).id).toBe(keys.trusted.id);
});
