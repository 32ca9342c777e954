import { Outbox } from '../../src/link/outbox.js';
import { OUTBOX_SQL } from '../../src/link/outbox-sql.js';
import { openDatabase } from '../../src/store/database.js';

// Fills the outbox in the file named on the command line and says each number once it is stored, until it is killed.
const outbox = new Outbox(openDatabase(process.argv[2]!, [OUTBOX_SQL]), { capBytes: 50_000_000 });
for (;;) {
  const seq = outbox.add({
    topic: 'lichen/v1/d/event',
    payload: (number) => Buffer.from(`message ${number}`),
    retain: false,
    droppable: false,
  });
  process.stdout.write(`stored ${seq}\n`);
  // The pipe must be written before the next message, or a kill would hide what was stored.
  await new Promise((resolve) => setImmediate(resolve));
}
