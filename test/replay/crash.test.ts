import { statSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Random } from '../../src/random.js';
import { ReplayMemory } from '../../src/replay/memory.js';
import { ChildProgram } from '../store/child-program.js';
import { scratchFolder } from '../store/scratch.js';
import { capFor, idOf, KEY, latentOf } from './fixture.js';
import type { WriterLine, WriterOrder } from './sample-writer.js';

const scratch = scratchFolder();
/** Those of the default backbone: a slot reaches over page borders, so a kill can tear it. */
const LATENT = 9_792;

let program: ChildProgram;
beforeAll(async () => {
  program = await ChildProgram.from(fileURLToPath(new URL('./sample-writer.ts', import.meta.url)));
});
afterAll(() => program.remove());

/** What a killed writer must have left: samples with their label, and one call that may or may not have happened. */
class Expectation {
  /** What must be there: id to label. Everything that was flushed or written since and not taken away. */
  readonly must = new Map<string, string>();
  /** Unflushed samples: a SIGKILL does not lose them either, since the kernel has them, but nothing is promised. */
  readonly may = new Map<string, string>();
  underWay: WriterLine | undefined;

  follow(lines: readonly WriterLine[]): void {
    for (const line of lines) {
      this.underWay = 'begin' in line ? line : undefined;
      if ('added' in line) {
        if (line.stored) this.may.set(idOf(line.added), line.label);
        if (line.evicted !== undefined) this.forget(line.evicted);
      } else if ('removed' in line) {
        this.forget(idOf(line.removed));
      } else if ('relabelled' in line) {
        const id = idOf(line.relabelled);
        this.may.delete(id);
        this.must.set(id, line.label);
        this.promise();
      } else if ('flushed' in line) {
        this.promise();
      }
    }
  }

  private forget(id: string): void {
    this.must.delete(id);
    this.may.delete(id);
  }

  private promise(): void {
    for (const [id, label] of this.may) this.must.set(id, label);
    this.may.clear();
  }
}

for (const holds of [8, 60]) {
  test(`a writer of ${holds} samples killed at any moment: never above the cap, nothing flushed is lost`, async () => {
    const file = scratch.path('replay.slab');
    const capBytes = capFor(holds, LATENT);
    const random = new Random(holds);
    const expected = new Expectation();
    let from = 0;
    for (let round = 0; round < 25; round++) {
      const order: WriterOrder = { file, holds, latentBytes: LATENT, from, seed: round };
      const child = program.start(JSON.stringify(order));
      let watching = true;
      const watched = (async () => {
        while (watching) {
          const found = statSync(file, { throwIfNoEntry: false });
          if (found) expect(Math.max(found.size, found.blocks * 512)).toBeLessThanOrEqual(capBytes);
          await new Promise((resume) => setImmediate(resume));
        }
      })();
      await child.printed(1 + random.int(400));
      await new Promise((resume) => setTimeout(resume, random.next() * 3));
      await child.kill();
      watching = false;
      await watched;

      const lines = child.lines.map((line) => JSON.parse(line) as WriterLine);
      expect(lines.find((line) => 'failed' in line)).toBeUndefined();
      for (const line of lines) if ('usedBytes' in line) expect(line.usedBytes).toBeLessThanOrEqual(capBytes);
      expected.follow(lines);
      from = 1 + Math.max(from, ...lines.map((line) => ('n' in line && line.begin === 'add' ? line.n! : 0)));

      const memory = ReplayMemory.open({ file, capBytes, latentBytes: LATENT, key: KEY, seed: round });
      const found = new Map(memory.refs().map(({ id, label }) => [id, label]));
      for (const ref of memory.refs()) {
        expect(Buffer.from(memory.read(ref)).equals(latentOf(ref.id, LATENT))).toBe(true);
      }
      expect(memory.stats().damagedSlots).toBeLessThanOrEqual(1);
      const lost = [...expected.must].filter(([id]) => !found.has(id));
      const { underWay } = expected;
      const call = underWay && 'begin' in underWay ? underWay : undefined;
      // Only a call under way may have taken something: the one that it evicted, or removed.
      if (call?.begin === 'add') expect(lost.length).toBeLessThanOrEqual(1);
      else if (call?.begin === 'remove') expect(lost.every(([id]) => id === idOf(call.n!))).toBe(true);
      else expect(lost).toEqual([]);
      for (const [id, label] of expected.must) {
        const relabelling = call?.begin === 'relabel' && id === idOf(call.n!);
        if (found.has(id) && !relabelling) expect(found.get(id)).toBe(label);
      }
      for (const id of found.keys()) {
        const adding = call?.begin === 'add' && id === idOf(call.n!);
        expect(expected.must.has(id) || expected.may.has(id) || adding).toBe(true);
      }
      memory.close();
      // What was found is on disk now and must stay.
      expected.must.clear();
      expected.may.clear();
      for (const [id, label] of found) expected.must.set(id, label);
    }
    expect(from).toBeGreaterThan(holds);
  });
}
