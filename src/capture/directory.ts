import type { Stats } from 'node:fs';
import { readdir, readFile, realpath, stat } from 'node:fs/promises';
import { basename, join, relative, resolve, sep } from 'node:path';
import { type FSWatcher, watch } from 'chokidar';
import type { Logger } from 'pino';
import { LichenError, messageOf } from '../errors.js';
import { Counters, type SourceStatus } from './counters.js';
import type { WavPictures } from './signal/wav-pictures.js';
import type { Picture, Seen, Sink, Source } from './source.js';

export interface DirectoryOptions {
  /** What it is called in metrics. */
  name: string;
  path: string;
  layout: 'task/class' | 'class' | 'flat';
  task?: string;
  /** How often the folders' labels are right; left out, they are the owner's own. */
  trust?: number;
  /** A file is read when it has not changed for this long; milliseconds. */
  settle: number;
}

/** Pictures that are read and not yet kept, at most: the queue is on the disk already. */
const CONCURRENT = 16;
/** The folder is looked through this often even when nobody says that something changed. */
const LOOK_EVERY_MS = 30_000;
/** How often a folder that is not there is looked for. */
const MISSING_EVERY_MS = 1000;
/** Larger files are no pictures that a sensor takes. */
const MAX_BYTES = 64 * 2 ** 20;

/**
 * A watched folder: files that are there and files that come, in folders that name their class, or their task
 * and class. A file counts as seen only once it is kept, so a crash delivers it again.
 *
 * The watcher only says that it is worth looking; what there is to deliver is found by looking through the
 * folder. Watchers lose files when whole trees are copied in, and a lost file would never be delivered.
 */
export class DirectorySource implements Source {
  private readonly options: DirectoryOptions;
  private readonly root: string;
  private readonly seen: Seen;
  private readonly log: Logger;
  private readonly counters: Counters;
  private readonly sound: WavPictures | undefined;
  private watcher: FSWatcher | undefined;
  /** Which folder is watched; one that was removed and made anew is another one. */
  private watched: string | undefined;
  private missing = false;
  private sink: Sink | undefined;
  private looking: Promise<void> | undefined;
  private lookAgain = false;
  private soon: NodeJS.Timeout | undefined;
  private always: NodeJS.Timeout | undefined;
  private readonly queue: string[] = [];
  /** Queued or being delivered. */
  private readonly busy = new Set<string>();
  private readonly active = new Set<Promise<void>>();
  private readonly complained = new Set<string>();
  /** Files that may still be written, as they were at the last look, and since when they have been so. */
  private settling = new Map<string, { size: number; ctimeMs: number; since: number }>();

  /** @param sound makes pictures of recordings; left out, they are no pictures */
  constructor(options: DirectoryOptions, seen: Seen, log: Logger, sound?: WavPictures) {
    this.sound = sound;
    this.options = options;
    this.root = resolve(options.path);
    this.seen = seen;
    this.log = log;
    this.counters = new Counters(options.name, 'directory');
  }

  async start(sink: Sink): Promise<void> {
    this.sink = sink;
    this.always = setInterval(() => this.look(), LOOK_EVERY_MS);
    this.look();
  }

  async stop(): Promise<void> {
    this.sink = undefined;
    clearTimeout(this.soon);
    clearInterval(this.always);
    this.queue.length = 0;
    await this.looking;
    await this.watcher?.close();
    await Promise.all(this.active);
  }

  status(): SourceStatus {
    return this.counters.get();
  }

  private lookSoon(after = this.options.settle): void {
    if (!this.sink) return;
    this.soon ??= setTimeout(() => {
      this.soon = undefined;
      this.look();
    }, after);
  }

  private look(): void {
    if (!this.sink) return;
    if (this.looking) {
      this.lookAgain = true;
      return;
    }
    this.looking = this.lookAround().finally(() => {
      this.looking = undefined;
      if (!this.lookAgain) return;
      this.lookAgain = false;
      this.lookSoon();
    });
  }

  private async lookAround(): Promise<void> {
    const root = await stat(this.root).catch(() => undefined);
    if (!root) {
      // A watcher does not tell reliably when a folder that is not there is made.
      this.watched = undefined;
      if (!this.missing) {
        // Once, however often it is looked for: it may be misspelt, or a disk that was taken out.
        this.missing = true;
        this.counters.failed(`${this.root}: there is no such folder`);
        this.log.warn({ path: this.root }, 'there is no such folder; it is watched from when it is made');
      }
      this.lookSoon(Math.max(this.options.settle, MISSING_EVERY_MS));
      return;
    }
    this.missing = false;
    const folder = `${root.dev}:${root.ino}:${root.birthtimeMs}`;
    if (folder !== this.watched) await this.watch(folder);
    const before = this.settling;
    this.settling = new Map();
    await this.lookThrough(this.root, before);
  }

  private async watch(folder: string): Promise<void> {
    await this.watcher?.close();
    // Of a link to a folder, what is in the folder is watched.
    const target = await realpath(this.root).catch(() => this.root);
    if (!this.sink) return;
    this.watched = folder;
    this.watcher = watch(target, {
      ignored: (path) => path !== target && isHidden(path),
      followSymlinks: false,
      ignoreInitial: true,
    });
    this.watcher.on('all', () => this.lookSoon());
    // 'all' is silent about what changes within a second of a change before.
    this.watcher.on('raw', () => this.lookSoon());
    // What came before it was ready, it does not tell.
    this.watcher.on('ready', () => this.lookSoon());
    this.watcher.on('error', (error) => this.complain(this.root, error));
  }

  private async lookThrough(folder: string, before: DirectorySource['settling']): Promise<void> {
    const entries = await readdir(folder, { withFileTypes: true }).catch((error: unknown) => {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') this.complain(folder, error);
      return [];
    });
    for (const entry of entries) {
      if (!this.sink) return;
      const path = join(folder, entry.name);
      if (isHidden(path)) continue;
      if (entry.isDirectory()) await this.lookThrough(path, before);
      else if (entry.isFile() && !this.busy.has(path)) await this.consider(path, before);
    }
  }

  private async consider(path: string, before: DirectorySource['settling']): Promise<void> {
    const found = await stat(path).catch(() => undefined);
    if (!found || this.seen.has(path, found.size, found.mtimeMs)) return;
    if (!this.hasSettled(path, found, before)) {
      this.lookSoon();
      return;
    }
    this.busy.add(path);
    this.queue.push(path);
    this.counters.add('frames');
    this.counters.add('triggered');
    this.pump();
  }

  /** Whether a file has not changed for long enough to be whole. */
  private hasSettled(path: string, { size, ctimeMs }: Stats, before: DirectorySource['settling']): boolean {
    // The change time moves with every write, also where a copy keeps the original's modification time.
    if (Date.now() - ctimeMs >= this.options.settle) return true;
    // Young, or the clock was set back since: boards without a clock of their own start in the past.
    const now = performance.now();
    const known = before.get(path);
    const same = known?.size === size && known.ctimeMs === ctimeMs;
    const since = same ? known.since : now;
    if (now - since >= this.options.settle) return true;
    this.settling.set(path, { size, ctimeMs, since });
    return false;
  }

  private pump(): void {
    while (this.sink && this.active.size < CONCURRENT && this.queue.length > 0) {
      const path = this.queue.shift()!;
      const work = this.deliver(path, this.sink).finally(() => {
        this.busy.delete(path);
        this.active.delete(work);
        this.pump();
      });
      this.active.add(work);
    }
  }

  private async deliver(path: string, sink: Sink): Promise<void> {
    try {
      const { size, mtimeMs } = await stat(path);
      // Empty bytes stand for a file too large to read: it is set aside as no picture.
      const bytes = size <= MAX_BYTES ? await readFile(path) : Buffer.alloc(0);
      const sample = await this.handOver(path, bytes, sink);
      this.seen.add(path, size, mtimeMs, sample);
      this.counters.add('delivered');
      this.complained.delete(path);
    } catch (error) {
      // It is found again at the next look.
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') this.complain(path, error);
    }
  }

  /** Delivers what is in a file: a picture, or the pictures of a recording. @returns the last one's sample */
  private async handOver(path: string, bytes: Buffer, sink: Sink): Promise<string | undefined> {
    const meaning = this.meaningOf(path);
    const heard = this.sound?.of(path, bytes);
    if (!heard) return (await sink({ path, bytes, ...meaning }))?.sample;
    let sample: string | undefined;
    try {
      for await (const { png, at } of heard) {
        // Named as parts of media are (W3C, Media Fragments URI 1.0).
        const part = at === 0 ? path : `${path}#t=${Number(at.toFixed(3))}`;
        sample = (await sink({ path: part, bytes: png, ...meaning }))?.sample ?? sample;
      }
    } catch (error) {
      if (!(error instanceof LichenError && error.code.startsWith('wav-'))) throw error;
      this.counters.add('bad');
      await sink({ path, bytes, fault: error.message, ...meaning });
    }
    return sample;
  }

  /** Says once what is wrong with a path. */
  private complain(path: string, error: unknown): void {
    this.counters.failed(`${path}: ${messageOf(error)}`);
    if (this.complained.has(path)) return;
    this.complained.add(path);
    this.log.warn({ path, error: messageOf(error) }, 'not delivered; tried again later');
  }

  /** What the folders that a file lies in say of it. A file that lies too high says nothing and is unlabelled. */
  private meaningOf(path: string): Pick<Picture, 'task' | 'label' | 'trust'> {
    const { layout, task, trust } = this.options;
    const folders = relative(this.root, path).split(sep).slice(0, -1);
    if (layout === 'flat') return { task };
    if (layout === 'class') return { task, label: folders[0], trust };
    return folders.length >= 2 ? { task: folders[0], label: folders[1], trust } : {};
  }
}

/** Hidden files, and the names that programs write under until a file is whole. */
function isHidden(path: string): boolean {
  const name = basename(path);
  return name.startsWith('.') || /(~|\.tmp|\.part|\.crdownload|\.swp)$/i.test(name);
}
