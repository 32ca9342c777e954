import { fork } from 'node:child_process';
import { LichenError } from '../errors.js';
import type { PictureLatent, Unreadable } from './latents.js';
import type { LatentsJob, LatentsMessage } from './latents-process.js';

export interface ReadLatents {
  latents: PictureLatent[];
  unreadable: Unreadable[];
  /** Of the process that read them. */
  peakRssBytes: number;
}

/**
 * The latents of many files, from a process of its own that ends when they are done: what the trunk needed is
 * given back to the system before training begins. Kept in one process, about 100 MB of it never are.
 * @param onProgress called with the number of files done
 * @throws LichenError `latents-failed`
 */
export function latentsInProcess(job: LatentsJob, onProgress: (done: number) => void): Promise<ReadLatents> {
  return new Promise((resolve, reject) => {
    const child = fork(new URL('./latents-process.js', import.meta.url), { serialization: 'advanced' });
    const latents: PictureLatent[] = [];
    let result: ReadLatents | undefined;
    let problem: string | undefined;
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
    child.once('close', (code, signal) => {
      if (result) resolve(result);
      else {
        const why = problem ?? `its process ended with ${signal ?? code}`;
        reject(new LichenError('latents-failed', `reading the pictures failed: ${why}`));
      }
    });
    child.send(job);
  });
}
