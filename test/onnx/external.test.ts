import { execFileSync } from 'node:child_process';
import { mkdirSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { beforeEach, describe, expect, it } from 'vitest';
import { decodeModel, readModel } from '../../src/onnx/read.js';
import { encodeModel } from '../../src/onnx/write.js';
import { tinyModel } from '../backbone/tiny-backbone.js';
import { errorOf } from '../error-of.js';
import { scratchFolder } from '../store/scratch.js';
import { encodeExternal, encodeProto } from './models.js';

const scratch = scratchFolder();
const value = (name: string) => ({
  name,
  type: { tensorType: { elemType: 1, shape: { dim: [{ dimValue: 2 }] } } },
});

/** A model whose constant of two floats is where these entries say. */
function writeWith(entries: Record<string, string>, dims = [2]): string {
  const externalData = Object.entries(entries).map(([key, value]) => ({ key, value }));
  const graph = {
    name: 'g',
    node: [{ opType: 'Add', input: ['x', 'c'], output: ['y'] }],
    initializer: [{ name: 'c', dims, dataType: 1, dataLocation: 1, externalData }],
    input: [value('x')],
    output: [value('y')],
  };
  mkdirSync(scratch.path('model'), { recursive: true });
  const file = scratch.path('model', 'm.onnx');
  writeFileSync(file, encodeProto(graph));
  return file;
}

beforeEach(() => {
  mkdirSync(scratch.path('model', 'deeper'), { recursive: true });
  const data = Buffer.from(Float32Array.of(1.5, -2, 3).buffer);
  for (const name of ['weights.bin', 'deeper/weights.bin']) writeFileSync(scratch.path('model', name), data);
  writeFileSync(scratch.path('secret.bin'), data);
});

describe('data in other files', () => {
  it.each<[string, Record<string, string>, number[]]>([
    ['from the beginning', { location: 'weights.bin' }, [1.5, -2]],
    ['from an offset', { location: 'weights.bin', offset: '4', length: '8', checksum: 'any' }, [-2, 3]],
    ['in a folder below', { location: './deeper/weights.bin', offset: '0' }, [1.5, -2]],
  ])('are read %s', (_, entries, expected) => {
    const { graph } = readModel(writeWith(entries));
    expect([...graph.initializers.get('c')!.data]).toEqual(expected);
  });

  it('are the same as in one file, wherever each constant is', () => {
    const model = tinyModel();
    let turn = 0;
    const { bytes, files } = encodeExternal(model, () =>
      turn++ % 3 === 2 ? undefined : { location: `w${turn % 2}.bin` },
    );
    expect([...files.keys()].sort()).toEqual(['w0.bin', 'w1.bin']);
    for (const [name, data] of files) writeFileSync(scratch.path('model', name), data);
    writeFileSync(scratch.path('model', 'tiny.onnx'), bytes);
    const again = readModel(scratch.path('model', 'tiny.onnx'));
    expect(Buffer.from(encodeModel(again)).equals(encodeModel(model))).toBe(true);
  });

  it('may be links that stay in the folder', () => {
    symlinkSync('deeper/weights.bin', scratch.path('model', 'link.bin'));
    expect(readModel(writeWith({ location: 'link.bin' })).graph.initializers.size).toBe(1);
  });

  it.each<[string, Record<string, string>, RegExp]>([
    [
      'an absolute path',
      { location: '/etc/hostname' },
      /'\/etc\/hostname': only files in the model's folder/,
    ],
    ['a way out', { location: '../secret.bin' }, /only files in the model's folder/],
    ['a way out and in again', { location: 'deeper/../weights.bin' }, /only files in the model's folder/],
    [
      'a way out in the other manner',
      { location: 'deeper\\..\\..\\secret.bin' },
      /only files in the model's folder/,
    ],
    ['a drive', { location: 'C:secret.bin' }, /only files in the model's folder/],
    ['a zero byte', { location: 'weights.bin\0' }, /only files in the model's folder/],
    ['a link out of the folder', { location: 'out.bin' }, /a link that leads out of the model's folder/],
    ['a folder that is a link', { location: 'outside/secret.bin' }, /a link that leads out/],
    ['the folder itself', { location: '.' }, /leads out|not a regular file/],
    ['a folder', { location: 'deeper' }, /not a regular file/],
    ['a pipe, which would never end', { location: 'pipe' }, /not a regular file/],
    ['a file that is not there', { location: 'none.bin' }, /'none\.bin': ENOENT/],
    ['a file too short', { location: 'weights.bin', offset: '8' }, /bytes 8 to 16 are needed, but it has 12/],
    ['an offset far beyond', { location: 'weights.bin', offset: '900719925474099' }, /but it has 12/],
    ['another length', { location: 'weights.bin', length: '12' }, /'c' needs 8 bytes, but has 12/],
    ['no number', { location: 'weights.bin', offset: '-4' }, /'c' has the offset '-4'/],
    ['no number either', { location: 'weights.bin', length: '1e9' }, /'c' has the length '1e9'/],
    ['no place', { offset: '0' }, /does not say in which/],
  ])('are refused when they are in %s', (_, entries, message) => {
    symlinkSync('../secret.bin', scratch.path('model', 'out.bin'));
    symlinkSync('..', scratch.path('model', 'outside'));
    execFileSync('mkfifo', [scratch.path('model', 'pipe')]);
    const error = errorOf(() => readModel(writeWith(entries)));
    expect(error.code).toBe('onnx-invalid');
    expect(error.message).toMatch(message);
    expect(error.message).toContain('m.onnx is not a usable ONNX model: ');
  });

  it('are not read for a model that came without a folder', () => {
    const { bytes } = encodeExternal(tinyModel(), () => ({ location: 'w.bin' }));
    expect(errorOf(() => decodeModel(bytes)).message).toMatch(
      /keeps its data in another file, which cannot be read/,
    );
  });

  it('of more than 2 GiB are refused before they are read', () => {
    truncateSync(scratch.path('model', 'weights.bin'), 2 ** 31 + 2 ** 20);
    const file = writeWith({ location: 'weights.bin' }, [2 ** 29]);
    const before = process.memoryUsage.rss();
    expect(errorOf(() => readModel(file)).message).toMatch(
      /with 'c' it has more than 2147483647 bytes \(2 GiB\)/,
    );
    expect(process.memoryUsage.rss() - before).toBeLessThan(2 ** 27);
  });
});

it('a file of more than 2 GiB is refused before it is read', () => {
  const file = scratch.path('large.onnx');
  writeFileSync(file, '');
  truncateSync(file, 2 ** 31);
  const error = errorOf(() => readModel(file));
  expect(error.code).toBe('onnx-unreadable');
  expect(error.message).toMatch(
    /large\.onnx: it has 2147483648 bytes; at most 2147483647 .*limit of protobuf/,
  );
});
