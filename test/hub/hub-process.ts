import { pino } from 'pino';
import { hubConfigSchema } from '../../src/hub/config.js';
import { startHub } from '../../src/hub/hub.js';

// The hub in a process of its own, to be killed: the configuration is JSON on the command line.
const hub = await startHub(hubConfigSchema.parse(JSON.parse(process.argv[2]!)), pino({ level: 'silent' }));
process.once('SIGTERM', () => void hub.stop());
process.stdout.write(`ready ${hub.mqttPort} ${hub.httpPort}\n`);
