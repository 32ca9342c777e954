/**
 * Asks a process of its own for latents: node ... latents-parent.ts JOB ACTION, the job as JSON. Prints lines of
 * JSON. At the first progress it kills a process (ACTION kill), or stops taking part (hang), or goes on (read).
 */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { latentsInProcess } from '../../src/backbone/latents-in-process.js';
import type { LatentsJob } from '../../src/backbone/latents-process.js';
import { LichenError } from '../../src/errors.js';

const job = JSON.parse(process.argv[2]!) as LatentsJob;
const action = process.argv[3];
const print = (kind: string, value: unknown) => console.log(`${kind} ${JSON.stringify(value)}`);

try {
  const { latents, unreadable, peakRssBytes } = await latentsInProcess(job, (done) => {
    print('progress', done);
    if (action === 'read') return;
    const children = readFileSync(`/proc/${process.pid}/task/${process.pid}/children`, 'utf8');
    const pids = children.trim().split(' ').map(Number);
    if (action === 'kill') process.kill(pids[0]!, 'SIGKILL');
    if (action === 'hang') {
      print('children', pids);
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
    }
  });
  const hash = createHash('sha256');
  for (const l of latents) hash.update(l.latent);
  print('read', { ids: latents.map((l) => l.id), hash: hash.digest('hex'), unreadable, peakRssBytes });
} catch (error) {
  print(
    'failed',
    error instanceof LichenError ? { code: error.code, message: error.message } : String(error),
  );
}
