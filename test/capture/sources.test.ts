import { mkdirSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { sourceSchema } from '../../src/capture/config.js';
import type { Picture } from '../../src/capture/source.js';
import { openSources } from '../../src/capture/sources.js';
import { openStore } from '../../src/store/store.js';
import { scratchFolder } from '../store/scratch.js';
import { contextFor } from './context.js';

const scratch = scratchFolder();

describe('a source', () => {
  it('is opened as its settings say, with their defaults', async () => {
    const store = openStore(scratch.path('store'));
    mkdirSync(scratch.path('inbox', 'c'), { recursive: true });
    writeFileSync(scratch.path('inbox', 'c', '1.png'), 'picture');
    const path = scratch.path('inbox');
    const config = sourceSchema.parse({
      kind: 'directory',
      path,
      layout: 'class',
      task: 't',
      settle: '50 ms',
    });
    const [source] = openSources([config], contextFor(store));
    const delivered = await new Promise<Picture>((resolve, reject) => {
      const sink = async (picture: Picture) => {
        resolve(picture);
        return { sample: 'sample' };
      };
      source!.start(sink).catch(reject);
    });
    await source!.stop();
    expect(delivered).toEqual({
      path: `${path}/c/1.png`,
      bytes: Buffer.from('picture'),
      task: 't',
      label: 'c',
    });
    expect(store.seen.count()).toBe(1);
    expect(source!.status()).toMatchObject({
      source: 'directory-1',
      kind: 'directory',
      frames: 1,
      delivered: 1,
    });
    store.close();
  });
});

describe("a source's settings", () => {
  it('are whole with kind and path', () => {
    expect(sourceSchema.parse({ kind: 'directory', path: '/a' })).toEqual({
      kind: 'directory',
      path: '/a',
      layout: 'flat',
      settle: 500,
    });
  });

  it.each([
    [{ kind: 'camera', path: '/a' }, 'kind', /directory/],
    [{ kind: 'directory' }, 'path', /expected string/],
    [{ kind: 'directory', path: '' }, 'path', /Too small/],
    [{ kind: 'directory', path: '/a', layout: 'tree' }, 'layout', /"task\/class"\|"class"\|"flat"/],
    [{ kind: 'directory', path: '/a', layout: 'class' }, 'task', /a source of layout 'class' needs a `task`/],
    [{ kind: 'directory', path: '/a', task: 'a/b' }, 'task', /expected 1 to 64 of the characters/],
    [{ kind: 'directory', path: '/a', settle: 'soon' }, 'settle', /expected a time such as/],
  ])('%j are refused, naming %s', (settings, path, message) => {
    const { error } = sourceSchema.safeParse(settings);
    expect(error?.issues.map((i) => i.path.join('.'))).toEqual([path]);
    expect(error?.issues[0]?.message).toMatch(message);
  });
});
