import { writeSync } from 'node:fs';
import { messageOf } from '../../src/errors.js';
import { Random } from '../../src/random.js';
import { ReplayMemory } from '../../src/replay/memory.js';
import { capFor, idOf, KEY, sampleOf } from './fixture.js';

/** What the writer is told, as JSON in its argument. */
export interface WriterOrder {
  file: string;
  holds: number;
  latentBytes: number;
  /** The first sample of the stream to write. */
  from: number;
  seed: number;
}

/** What it prints: what it is about to do, then what came of it. */
export type WriterLine =
  | { begin: 'open' | 'flush' | 'add' | 'remove' | 'relabel'; n?: number }
  | { opened: number; usedBytes: number }
  | { added: number; label: string; stored: boolean; evicted?: string; usedBytes: number }
  | { removed: number; was: boolean }
  | { relabelled: number; label: string }
  | { flushed: true }
  | { failed: string };

/** A process that adds, relabels, removes and flushes until it is killed. */
const print = (line: WriterLine) => writeSync(1, `${JSON.stringify(line)}\n`);
try {
  const order = JSON.parse(process.argv[2]!) as WriterOrder;
  const { file, holds, latentBytes, seed } = order;
  const random = new Random(seed);
  print({ begin: 'open' });
  const memory = ReplayMemory.open({
    file,
    capBytes: capFor(holds, latentBytes),
    latentBytes,
    key: KEY,
    seed,
  });
  print({ opened: memory.stats().samples, usedBytes: memory.stats().usedBytes });
  for (let n = order.from; ; n++) {
    const draw = random.next();
    const other = n - random.int(holds);
    if (draw < 0.1) {
      print({ begin: 'remove', n: other });
      print({ removed: other, was: memory.remove(idOf(other)) });
    } else if (draw < 0.2 && memory.has(idOf(other))) {
      const label = draw < 0.15 ? 'a' : 'b';
      print({ begin: 'relabel', n: other });
      memory.relabel(idOf(other), label);
      print({ relabelled: other, label });
    }
    const label = random.next() < 0.8 ? 'a' : 'b';
    print({ begin: 'add', n });
    const { stored, evicted } = memory.add(sampleOf(n, latentBytes, { label }));
    print({ added: n, label, stored, evicted: evicted?.id, usedBytes: memory.stats().usedBytes });
    if (random.next() < 0.2) {
      print({ begin: 'flush' });
      memory.flush();
      print({ flushed: true });
    }
  }
} catch (error) {
  print({ failed: messageOf(error) });
  process.exitCode = 1;
}
