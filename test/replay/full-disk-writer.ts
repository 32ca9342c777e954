import { readdirSync, statfsSync } from 'node:fs';
import { join } from 'node:path';
import { LichenError } from '../../src/errors.js';
import { ReplayMemory } from '../../src/replay/memory.js';
import { capFor, idOf, KEY, latentOf, sampleOf } from './fixture.js';

/**
 * A process that fills a small disk with samples, and prints as JSON how the memory failed and what was left.
 * Its cap promises more than the disk has.
 */
const folder = process.argv[2]!;
const LATENT = 5_000;
const options = {
  file: join(folder, 'replay.slab'),
  capBytes: capFor(1_000, LATENT),
  latentBytes: LATENT,
  key: KEY,
  seed: 1,
};
let memory = ReplayMemory.open(options);
const flushed: string[] = [];
let code = 'none';
for (let n = 0; code === 'none' && n < 1_000; n++) {
  try {
    memory.add(sampleOf(n, LATENT));
    memory.flush();
    flushed.push(idOf(n));
  } catch (error) {
    code = error instanceof LichenError ? error.code : String(error);
  }
}
const whole = () =>
  flushed.filter((id) => memory.has(id) && Buffer.from(memory.read({ id })).equals(latentOf(id, LATENT)))
    .length;
const stillOpen = whole();
memory.remove(flushed[0]!);
const roomAgain = memory.add(sampleOf(2_000, LATENT)).stored;
memory.close();
memory = ReplayMemory.open(options);
console.log(
  JSON.stringify({
    code,
    flushed: flushed.length,
    stillOpen,
    afterRestart: whole(),
    roomAgain: roomAgain && memory.has(idOf(2_000)),
    free: statfsSync(folder).bavail,
    files: readdirSync(folder),
  }),
);
