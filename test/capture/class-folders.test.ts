import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { describe, expect, it } from 'vitest';
import { classesOf, listClassFolders } from '../../src/capture/class-folders.js';
import { errorOf } from '../error-of.js';
import { scratchFolder } from '../store/scratch.js';

const scratch = scratchFolder();

function put(...names: string[]): void {
  const path = scratch.path(...names);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, 'x');
}

const listed = () =>
  listClassFolders(scratch.path()).map((f) => [f.label, f.file.slice(scratch.path().length + 1)]);

const errorOfFolder = (folder: string) => errorOf(() => listClassFolders(folder));

describe('a folder of class folders', () => {
  it('is listed by class and name, deeper folders under their class', () => {
    for (const name of ['dog/2.JPG', 'dog/10.png', 'cat/deep/er/1.webp', 'cat/0.jpeg', 'loose.png'])
      put(name);
    expect(listed()).toEqual([
      ['cat', 'cat/0.jpeg'],
      ['cat', 'cat/deep/er/1.webp'],
      ['dog', 'dog/10.png'],
      ['dog', 'dog/2.JPG'],
    ]);
  });

  it('without hidden files and folders, and without what is not named like a picture', () => {
    for (const name of [
      'cat/1.png',
      'cat/.2.png',
      'cat/.git/3.png',
      '.cache/4.png',
      'cat/notes.txt',
      'cat/png',
    ])
      put(name);
    expect(listed()).toEqual([['cat', 'cat/1.png']]);
  });

  it('through links, once each way, also where they lead in circles', () => {
    put('data', 'cat', '1.png');
    const root = scratch.path('data');
    put('else', '2.png');
    symlinkSync(scratch.path('else'), `${root}/dog`);
    symlinkSync(root, `${root}/cat/up`);
    symlinkSync(`${root}/cat`, `${root}/cat/self`);
    symlinkSync('nowhere', `${root}/cat/3.png`);
    symlinkSync('../cat/1.png', `${root}/cat/4.png`);
    expect(listClassFolders(root).map((f) => f.file.slice(root.length + 1))).toEqual([
      'cat/1.png',
      'cat/4.png',
      'dog/2.png',
    ]);
  });

  it.each([
    ['is missing', () => scratch.path('none'), 'data-unreadable', /cannot list .*none: ENOENT/],
    ['is a file', () => scratch.path('cat', '1.png'), 'data-unreadable', /cannot list .*1\.png: ENOTDIR/],
    [
      'has only pictures',
      () => scratch.path('cat'),
      'data-empty',
      /has no class folders; expected one folder a class .* as in .*cat\/1\.jpg/,
    ],
    [
      'has only empty class folders',
      () => scratch.path('empty'),
      'data-empty',
      /the class folders of .*empty \(a, b\) hold no pictures/,
    ],
  ])('is refused when it %s', (_, folder, code, message) => {
    put('cat', '1.png');
    mkdirSync(scratch.path('empty', 'a'), { recursive: true });
    mkdirSync(scratch.path('empty', 'b'));
    const error = errorOfFolder(folder());
    expect(error.code).toBe(code);
    expect(error.message).toMatch(message);
  });
});

describe('the classes', () => {
  it('are sorted, each once', () => {
    expect(classesOf([{ label: 'b' }, { label: 'a' }, { label: 'b' }])).toEqual(['a', 'b']);
  });
});
