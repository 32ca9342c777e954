import { writeSync } from 'node:fs';
import { messageOf } from '../../src/errors.js';
import { openStore } from '../../src/store/store.js';

/**
 * A process that writes versions, promotes, rolls back and deletes until it is killed. It prints what it is
 * about to do and, once a call has returned, what is true from then on: `number`, `current` as JSON.
 */
const print = (line: unknown) => writeSync(1, `${JSON.stringify(line)}\n`);
try {
  const store = openStore(process.argv[2]!);
  const { versions } = store;
  if (!store.tasks.get('tops')) {
    store.tasks.create({
      name: 'tops',
      isolation: 'piggyback',
      backbone: { name: 'b', sha256: 'ab', split: 's' },
    });
  }
  print({ boot: store.settings.increment('boot') });
  for (;;) {
    const version = versions.add({
      task: 'tops',
      source: 'trained',
      isolation: 'piggyback',
      classes: ['a'],
      metrics: { heldOutAccuracy: 0.9 },
      adapter: Buffer.alloc(50_000 + (process.pid % 1000), process.pid % 251),
    });
    print({ added: version.number, sha256: version.sha256 });
    versions.promote('tops', version.id, 'gate');
    print({ current: version.number });
    if (version.number % 3 === 0) {
      const { to } = versions.rollback('tops');
      print({ current: to === null ? null : versions.require(to).number });
      versions.delete(version.id);
      print({ deleted: version.number });
    }
    const stale = versions.list('tops').filter((v) => v.number < version.number - 6);
    for (const { id, number } of stale) {
      versions.delete(id);
      print({ deleted: number });
    }
  }
} catch (error) {
  print({ failed: messageOf(error) });
  process.exitCode = 1;
}
