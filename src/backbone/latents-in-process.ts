import { fork } from 'node:child_process';
import { availableParallelism } from 'node:os';
import { LichenError } from '../errors.js';
import type { PictureLatent, Unreadable } from './latents.js';
import type { LatentsJob, LatentsMessage } from './latents-process.js';

export interface ReadLatents {
  /** In the order of the files. */
  latents: PictureLatent[];
  unreadable: Unreadable[];
  /** Of the processes that read them, all together. */
  peakRssBytes: number;
}

/** More processes would need more memory than they save time. */
const MOST_PROCESSES = 2;
/** Fewer files are read sooner by one process than a second one starts. */
const FEWEST_FILES_EACH = 32;

/**
 * The latents of many files, from processes of their own that end when they are done: what the trunk needed is
 * given back to the system before training begins. Kept in one process, about 100 MB of it never are.
 *
 * The runtime computes on a process's main thread, where a picture's pixels are prepared, too: one process leaves
 * cores idle. So two share the files, each with half of the cores.
 * @param onProgress called with the number of files done
 * @throws LichenError `latents-failed`
 */
export async function latentsInProcess(
  job: Omit<LatentsJob, 'threads'>,
  onProgress: (done: number) => void,
): Promise<ReadLatents> {
  const cores = availableParallelism();
  const wanted = Math.min(MOST_PROCESSES, cores, Math.floor(job.files.length / FEWEST_FILES_EACH));
  const processes = Math.max(1, wanted);
  const each = Math.ceil(job.files.length / processes);
  const threads = processes === 1 ? undefined : Math.floor(cores / processes);
  const done = new Array<number>(processes).fill(0);
  const abort = new AbortController();
  try {
    const parts = await Promise.all(
      done.map((_, k) =>
        readPart(
          { ...job, files: job.files.slice(k * each, (k + 1) * each), threads },
          (files) => {
            done[k] = files;
            onProgress(done.reduce((a, b) => a + b, 0));
          },
          abort.signal,
        ),
      ),
    );
    return {
      latents: parts.flatMap((p) => p.latents),
      unreadable: parts.flatMap((p) => p.unreadable),
      peakRssBytes: parts.reduce((sum, p) => sum + p.peakRssBytes, 0),
    };
  } catch (error) {
    // Where one failed, nobody wants what the others read.
    abort.abort();
    throw error;
  }
}

function readPart(
  job: LatentsJob,
  onProgress: (done: number) => void,
  signal: AbortSignal,
): Promise<ReadLatents> {
  return new Promise((resolve, reject) => {
    const child = fork(new URL('./latents-process.js', import.meta.url), { serialization: 'advanced' });
    const latents: PictureLatent[] = [];
    let result: ReadLatents | undefined;
    let problem: string | undefined;
    signal.addEventListener('abort', () => child.kill(), { once: true });
    child.on('message', (message: LatentsMessage) => {
      if (message.kind === 'batch') {
        latents.push(...message.latents);
        onProgress(message.done);
      } else if (message.kind === 'end') {
        result = { latents, unreadable: message.unreadable, peakRssBytes: message.peakRssBytes };
      } else problem = message.message;
    });
    child.once('error', reject);
    // Not 'exit': what it said last may still be under way then.
    child.once('close', (code, ended) => {
      if (result) resolve(result);
      else {
        const why = problem ?? `its process ended with ${ended ?? code}`;
        reject(new LichenError('latents-failed', `reading the pictures failed: ${why}`));
      }
    });
    child.send(job);
  });
}
