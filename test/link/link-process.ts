import { pino } from 'pino';
import { Link } from '../../src/link/link.js';
import { Outbox } from '../../src/link/outbox.js';
import { OUTBOX_SQL } from '../../src/link/outbox-sql.js';
import { RequestLog } from '../../src/link/request-log.js';
import { openDatabase } from '../../src/store/database.js';
import { birth, event } from './examples.js';

// A device with nothing but its link, to be killed: arguments are url, store file, MQTT version, boot, device.
// It publishes an event every few milliseconds and says each number once it is stored.
const [url, file, version, boot, device] = process.argv.slice(2) as [string, string, string, string, string];
const database = openDatabase(file, [OUTBOX_SQL]);
const link = new Link({
  url,
  device,
  outbox: new Outbox(database, { capBytes: 50_000_000 }),
  requests: new RequestLog(database),
  protocolVersion: version === '5' ? 5 : 4,
  bootSequence: Number(boot),
  birth: () => birth,
  reconnect: { minMs: 20, maxMs: 100 },
  log: pino({ level: 'silent' }),
});
link.start();
for (let n = 1; ; n++) {
  process.stdout.write(`stored ${link.publish('event', event(n))}\n`);
  await new Promise((resolve) => setTimeout(resolve, 2));
}
