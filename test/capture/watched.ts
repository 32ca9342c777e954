import pino from 'pino';
import { DirectorySource } from '../../src/capture/directory.js';
import type { Picture, Seen, Sink } from '../../src/capture/source.js';
import type { Store } from '../../src/store/store.js';

/** Which files were seen, in the store's database, as the agent keeps it. */
export function seenIn(store: Store): Seen {
  return {
    has: (path, size, mtime) => store.seen.find(path, size, mtime) !== undefined,
    add: (path, size, mtime, sample) => store.seen.add([{ path, size, mtime, sample }]),
  };
}

/** A folder's source with everything that it delivered and logged. */
export interface Watched {
  source: DirectorySource;
  delivered: Picture[];
  /** Paths in the order of their delivery. */
  paths: () => string[];
  log: { path: string; error: string; msg: string }[];
  /** Resolves when so many were delivered. */
  count: (n: number) => Promise<void>;
}

/**
 * Starts a source on a folder.
 * @param sink asked before a picture counts as delivered
 */
export async function watchFolder(
  store: Store,
  options: Partial<ConstructorParameters<typeof DirectorySource>[0]> & { path: string },
  sink: Sink = async () => undefined,
): Promise<Watched> {
  const log: Watched['log'] = [];
  const logger = pino({ level: 'warn' }, { write: (line: string) => void log.push(JSON.parse(line)) });
  const source = new DirectorySource(
    { name: 'inbox', layout: 'flat', settle: 100, ...options },
    seenIn(store),
    logger,
  );
  const delivered: Picture[] = [];
  const waiting = new Set<() => void>();
  await source.start(async (picture) => {
    const kept = await sink(picture);
    delivered.push(picture);
    for (const look of waiting) look();
    return kept;
  });
  const count = (n: number) =>
    new Promise<void>((resolve) => {
      const look = () => {
        if (delivered.length < n) return;
        waiting.delete(look);
        resolve();
      };
      waiting.add(look);
      look();
    });
  return { source, delivered, paths: () => delivered.map((p) => p.path), log, count };
}
