import type { Stats } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import { basename, relative, resolve, sep } from 'node:path';
import { type FSWatcher, watch } from 'chokidar';
import type { Logger } from 'pino';
import { messageOf } from '../errors.js';
import type { Picture, Seen, Sink, Source } from './source.js';

export interface DirectoryOptions {
  path: string;
  layout: 'task/class' | 'class' | 'flat';
  task?: string;
  /** A file is read when it has not changed for this long; milliseconds. */
  settle: number;
}

/** Pictures that are read and not yet kept, at most: the queue is on the disk already. */
const CONCURRENT = 16;
/** How long a file that could not be delivered waits for its next turn. */
const RETRY_MS = 10_000;
/** Larger files are no pictures that a sensor takes. */
const MAX_BYTES = 64 * 2 ** 20;

/**
 * A watched folder: files that are there and files that come, in folders that name their class, or their task
 * and class. A file counts as seen only once it is kept, so a crash delivers it again.
 */
export class DirectorySource implements Source {
  private readonly options: DirectoryOptions;
  private readonly root: string;
  private readonly seen: Seen;
  private readonly log: Logger;
  private watcher: FSWatcher | undefined;
  private readonly queue: string[] = [];
  private readonly queued = new Set<string>();
  private readonly active = new Set<Promise<void>>();
  private readonly retries = new Set<NodeJS.Timeout>();
  private sink: Sink | undefined;

  constructor(options: DirectoryOptions, seen: Seen, log: Logger) {
    this.options = options;
    this.root = resolve(options.path);
    this.seen = seen;
    this.log = log;
  }

  async start(sink: Sink): Promise<void> {
    this.sink = sink;
    this.watcher = watch(this.root, {
      ignored: (path) => path !== this.root && isHidden(path),
      followSymlinks: false,
      alwaysStat: true,
      awaitWriteFinish: {
        stabilityThreshold: this.options.settle,
        pollInterval: Math.max(50, this.options.settle / 5),
      },
      ignorePermissionErrors: false,
    });
    this.watcher.on('add', (path, stats) => this.enqueue(path, stats));
    this.watcher.on('change', (path, stats) => this.enqueue(path, stats));
    this.watcher.on('error', (error) => {
      this.log.warn({ folder: this.root, error: messageOf(error) }, 'part of a source cannot be watched');
    });
    await new Promise<void>((ready) => this.watcher!.once('ready', () => ready()));
  }

  async stop(): Promise<void> {
    this.sink = undefined;
    for (const timer of this.retries) clearTimeout(timer);
    this.queue.length = 0;
    await this.watcher?.close();
    await Promise.all(this.active);
  }

  private enqueue(path: string, stats: Stats | undefined): void {
    if (!this.sink || this.queued.has(path)) return;
    if (stats && this.seen.has(path, stats.size, stats.mtimeMs)) return;
    this.queued.add(path);
    this.queue.push(path);
    this.pump();
  }

  private pump(): void {
    while (this.sink && this.active.size < CONCURRENT && this.queue.length > 0) {
      const path = this.queue.shift()!;
      const work = this.deliver(path, this.sink).finally(() => {
        this.active.delete(work);
        this.pump();
      });
      this.active.add(work);
    }
  }

  private async deliver(path: string, sink: Sink): Promise<void> {
    this.queued.delete(path);
    try {
      const { size, mtimeMs } = await stat(path);
      // Empty bytes stand for a file too large to read: it is set aside as no picture.
      const bytes = size <= MAX_BYTES ? await readFile(path) : Buffer.alloc(0);
      const sample = await sink({ path, bytes, ...this.meaningOf(path) });
      this.seen.add(path, size, mtimeMs, sample);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return;
      this.log.warn({ path, error: messageOf(error) }, 'not delivered, tried again later');
      const timer = setTimeout(() => {
        this.retries.delete(timer);
        this.enqueue(path, undefined);
      }, RETRY_MS);
      this.retries.add(timer);
    }
  }

  /** What the folders that a file lies in say of it. A file that lies too high says nothing and is unlabelled. */
  private meaningOf(path: string): Pick<Picture, 'task' | 'label'> {
    const { layout, task } = this.options;
    const folders = relative(this.root, path).split(sep).slice(0, -1);
    if (layout === 'flat') return { task };
    if (layout === 'class') return { task, label: folders[0] };
    return folders.length >= 2 ? { task: folders[0], label: folders[1] } : {};
  }
}

/** Hidden files, and the names that programs write under until a file is whole. */
function isHidden(path: string): boolean {
  const name = basename(path);
  return name.startsWith('.') || /(~|\.tmp|\.part|\.crdownload|\.swp)$/i.test(name);
}
