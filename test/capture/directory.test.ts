import {
  appendFileSync,
  cpSync,
  mkdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Sink } from '../../src/capture/source.js';
import { openStore, type Store } from '../../src/store/store.js';
import { scratchFolder } from '../store/scratch.js';
import { type Watched, watchFolder } from './watched.js';

const scratch = scratchFolder();
let store: Store;
let running: Watched[] = [];

beforeEach(() => {
  store = openStore(scratch.path('store'));
  mkdirSync(scratch.path('inbox'));
});
afterEach(async () => {
  await Promise.all(running.map((w) => w.source.stop()));
  running = [];
  store.close();
});

const inbox = (...names: string[]) => scratch.path('inbox', ...names);

function put(path: string, content = path): string {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, content);
  return path;
}

async function watchInbox(
  options: Partial<Parameters<typeof watchFolder>[1]> = {},
  sink?: Sink,
): Promise<Watched> {
  const watched = await watchFolder(store, { path: inbox(), ...options }, sink);
  running.push(watched);
  return watched;
}

/** A sink that waits until it is let go. */
function heldSink(): { sink: Sink; active: () => number; most: () => number; release: () => void } {
  let active = 0;
  let most = 0;
  let release = () => {};
  const open = new Promise<void>((resolve) => {
    release = resolve;
  });
  const sink: Sink = async () => {
    most = Math.max(most, ++active);
    await open;
    active--;
    return undefined;
  };
  return { sink, active: () => active, most: () => most, release };
}

describe('what a watched folder delivers', () => {
  it('files that are there, and files that come, with their bytes', async () => {
    const first = put(inbox('a.png'), 'first');
    const watched = await watchInbox({ task: 'doors' });
    await watched.count(1);
    const second = put(inbox('sub', 'deeper', 'ü b\n.png'), 'second');
    await watched.count(2);
    expect(watched.delivered).toEqual([
      { path: first, bytes: Buffer.from('first'), task: 'doors' },
      { path: second, bytes: Buffer.from('second'), task: 'doors' },
    ]);
  });

  it.each([
    [
      'task/class',
      undefined,
      {
        'a.png': {},
        't/b.png': {},
        't/c/d.png': { task: 't', label: 'c' },
        't/c/e/f.png': { task: 't', label: 'c' },
      },
    ],
    [
      'class',
      'doors',
      {
        'a.png': { task: 'doors' },
        'c/d.png': { task: 'doors', label: 'c' },
        'c/e/f.png': { task: 'doors', label: 'c' },
      },
    ],
    ['flat', undefined, { 'a.png': {}, 't/c/d.png': {} }],
  ] as const)('in the layout %s, with what the folders mean', async (layout, task, files) => {
    for (const name of Object.keys(files)) put(inbox(name));
    const watched = await watchInbox({ layout, task });
    await watched.count(Object.keys(files).length);
    const meaning = watched.delivered.map(({ path, task: t, label }) => [
      path.slice(inbox().length + 1),
      JSON.parse(JSON.stringify({ task: t, label })),
    ]);
    expect(Object.fromEntries(meaning)).toEqual(files);
  });

  it('a file that grows: once, and whole', async () => {
    const watched = await watchInbox({ settle: 1000 });
    const path = inbox('slow.png');
    for (let i = 0; i < 12; i++) {
      appendFileSync(path, `${i},`);
      await sleep(70);
    }
    put(inbox('later.png'));
    await watched.count(2);
    expect(watched.delivered.filter((p) => p.path === path).map((p) => p.bytes.toString())).toEqual([
      '0,1,2,3,4,5,6,7,8,9,10,11,',
    ]);
  });

  it('a copy that keeps an old modification time, not before it has settled', async () => {
    const watched = await watchInbox({ settle: 1000 });
    const path = inbox('copied.png');
    for (let i = 0; i < 8; i++) {
      appendFileSync(path, `${i},`);
      utimesSync(path, 1, 1);
      await sleep(70);
    }
    await watched.count(1);
    expect(watched.delivered.map((p) => p.bytes.toString())).toEqual(['0,1,2,3,4,5,6,7,']);
  });

  it('a file once more after it was replaced, and under its new name after it was renamed', async () => {
    const path = put(inbox('a.png'), 'one');
    const watched = await watchInbox();
    await watched.count(1);
    put(path, 'other');
    await watched.count(2);
    renameSync(path, inbox('b.png'));
    await watched.count(3);
    expect(watched.delivered.map((p) => [p.path, p.bytes.toString()])).toEqual([
      [path, 'one'],
      [path, 'other'],
      [inbox('b.png'), 'other'],
    ]);
  });

  it('nothing of hidden files and folders, and files under a name for what is not whole yet', async () => {
    const names = [
      '.a.png',
      '.git/a.png',
      'a.png~',
      'a.tmp',
      'b.png.part',
      'c.crdownload',
      '.d.swp',
      'e.TMP',
    ];
    for (const name of names) put(inbox(name));
    const watched = await watchInbox();
    renameSync(inbox('b.png.part'), inbox('b.png'));
    put(inbox('.hidden', 'f.png'));
    await watched.count(1);
    put(inbox('last.png'));
    await watched.count(2);
    expect(watched.paths()).toEqual([inbox('b.png'), inbox('last.png')]);
  });

  it('nothing of a file that is gone again, and no complaint', async () => {
    const watched = await watchInbox({ settle: 200 });
    put(inbox('gone.png'));
    await sleep(50);
    rmSync(inbox('gone.png'));
    put(inbox('kept.png'));
    await watched.count(1);
    expect(watched.paths()).toEqual([inbox('kept.png')]);
    expect(watched.log).toEqual([]);
  });

  it('not what links point to: neither files nor folders, and loops do no harm', async () => {
    const elsewhere = put(scratch.path('elsewhere', 'x.png'));
    symlinkSync(elsewhere, inbox('link.png'));
    symlinkSync(dirname(elsewhere), inbox('folder'));
    symlinkSync(inbox(), inbox('loop'));
    symlinkSync(inbox('nothing'), inbox('dangling'));
    put(inbox('a', 'real.png'));
    symlinkSync(inbox('a'), inbox('a', 'again'));
    const watched = await watchInbox();
    await watched.count(1);
    put(inbox('b.png'));
    await watched.count(2);
    expect(watched.paths()).toEqual([inbox('a', 'real.png'), inbox('b.png')]);
    expect(watched.log).toEqual([]);
  });

  it('new files also where the watched folder is itself a link', async () => {
    symlinkSync(inbox(), scratch.path('camera'));
    const watched = await watchInbox({ path: scratch.path('camera') });
    put(inbox('a.png'));
    await watched.count(1);
    put(inbox('sub', 'b.png'));
    await watched.count(2);
    expect(watched.paths()).toEqual([
      scratch.path('camera', 'a.png'),
      scratch.path('camera', 'sub', 'b.png'),
    ]);
  });

  it('a tree of a thousand files that is copied in, each once', async () => {
    const tree = scratch.path('tree');
    for (let i = 0; i < 1000; i++) put(`${tree}/t${i % 3}/c${i % 10}/${i}.png`, String(i));
    const watched = await watchInbox({ layout: 'task/class' });
    cpSync(tree, inbox(), { recursive: true });
    await watched.count(1000);
    put(inbox('last.png'));
    await watched.count(1001);
    expect(new Set(watched.paths()).size).toBe(1001);
    for (const { path, task, label, bytes } of watched.delivered.slice(0, 1000)) {
      expect(path).toBe(inbox(task!, label!, `${bytes}.png`));
    }
  });

  it('a file too large to be a picture, as empty bytes, so that it is set aside', async () => {
    put(inbox('movie.png'));
    truncateSync(inbox('movie.png'), 65 * 2 ** 20);
    const watched = await watchInbox();
    await watched.count(1);
    expect(watched.delivered[0]!.bytes.length).toBe(0);
  });

  it('files that came before the clock was set back', async () => {
    put(inbox('a.png'));
    vi.useFakeTimers({ toFake: ['Date'], now: Date.now() - 86_400_000 });
    try {
      const watched = await watchInbox();
      await watched.count(1);
    } finally {
      vi.useRealTimers();
    }
  });
});

describe('a watched folder that is not there', () => {
  it('is watched from when it is made', async () => {
    const watched = await watchInbox({ path: scratch.path('later', 'inbox') });
    await sleep(150);
    const path = put(scratch.path('later', 'inbox', 'a.png'));
    await watched.count(1);
    expect(watched.paths()).toEqual([path]);
    // Once, though it was looked for more often.
    expect(watched.log.map((l) => l.path)).toEqual([scratch.path('later', 'inbox')]);
    expect(watched.source.status().lastError).toContain('there is no such folder');
  });

  it('is watched again when it is removed and made anew', async () => {
    put(inbox('a.png'), 'old');
    const watched = await watchInbox();
    await watched.count(1);
    rmSync(inbox(), { recursive: true });
    await sleep(300);
    put(inbox('b.png'), 'new');
    await watched.count(2);
    put(inbox('sub', 'c.png'), 'newer');
    await watched.count(3);
    expect(watched.delivered.map((p) => p.bytes.toString())).toEqual(['old', 'new', 'newer']);
    expect(watched.log.map((l) => l.path)).toEqual([inbox()]);
  });

  it('is complained of once when it is a file', async () => {
    const path = put(scratch.path('file.txt'));
    const watched = await watchInbox({ path });
    await sleep(50);
    appendFileSync(path, 'more');
    await sleep(300);
    expect(watched.log.map((l) => l.path)).toEqual([path]);
    expect(watched.log[0]!.error).toMatch(/ENOTDIR/);
    expect(watched.delivered).toEqual([]);
  });
});

describe('what was delivered', () => {
  it('is not delivered again by a restart, nor after the store was opened anew', async () => {
    for (let i = 0; i < 20; i++) put(inbox(`${i}.png`));
    const first = await watchInbox({}, async () => ({ sample: 'sample' }));
    await first.count(20);
    await first.source.stop();
    store.close();
    store = openStore(scratch.path('store'));
    const second = await watchInbox();
    put(inbox('new.png'));
    await second.count(1);
    await second.source.stop();
    expect(second.paths()).toEqual([inbox('new.png')]);
    expect(store.seen.count()).toBe(21);
  });

  it('counts as seen only once it is kept: what the sink refused comes again', async () => {
    put(inbox('a.png'));
    let full = true;
    const watched = await watchInbox({}, async ({ path }) => {
      if (full && path === inbox('a.png')) throw new Error('the disk is full');
      return { sample: 'sample' };
    });
    put(inbox('b.png'));
    await watched.count(1);
    put(inbox('c.png'));
    await watched.count(2);
    expect(watched.log).toMatchObject([{ path: inbox('a.png'), error: 'the disk is full' }]);
    full = false;
    put(inbox('d.png'));
    await watched.count(4);
    expect(watched.paths().sort()).toEqual(['a', 'b', 'c', 'd'].map((n) => inbox(`${n}.png`)));
  });
});

describe('a slow sink', () => {
  it('is given sixteen at once at most, and gets all of them', async () => {
    for (let i = 0; i < 100; i++) put(inbox(`${i}.png`));
    const held = heldSink();
    const watched = await watchInbox({}, held.sink);
    while (held.active() < 16) await sleep(10);
    put(inbox('more.png'));
    await sleep(400);
    expect(held.active()).toBe(16);
    held.release();
    await watched.count(101);
    expect(held.most()).toBe(16);
    expect(new Set(watched.paths()).size).toBe(101);
  });

  it('is waited for by stop, and gets nothing after', async () => {
    for (let i = 0; i < 40; i++) put(inbox(`${i}.png`));
    const held = heldSink();
    const watched = await watchInbox({}, held.sink);
    while (held.active() < 16) await sleep(10);
    let stopped = false;
    const stopping = watched.source.stop().then(() => {
      stopped = true;
    });
    await sleep(200);
    expect(stopped).toBe(false);
    held.release();
    await stopping;
    expect(watched.delivered).toHaveLength(16);
    expect(store.seen.count()).toBe(16);
    put(inbox('late.png'));
    await sleep(300);
    expect(watched.delivered).toHaveLength(16);
    // What was left lies in the folder, and the next start delivers it.
    const next = await watchInbox();
    await next.count(25);
    expect(new Set([...next.paths(), ...watched.paths()]).size).toBe(41);
  });
});
