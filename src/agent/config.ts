import { hostname } from 'node:os';
import { validate as isCron } from 'node-cron';
import { z } from 'zod';
import { sourcesSchema } from '../capture/config.js';
import { brokerAddress } from '../config/address.js';
import { byteSize, duration } from '../config/units.js';
import { ENGINES } from '../engine/engine.js';
import { isLearner } from '../learn/device-method.js';
import { capObstacle } from '../learn/memory-cap.js';
import { labelSchema } from './label-config.js';
import { learnSchema, methodConflicts, taskSchema } from './learn-config.js';
import { recognizeSchema } from './recognize-config.js';
import { webhookSchema } from './webhooks.js';

const id = z
  .string()
  .regex(/^[a-zA-Z0-9_-]{1,64}$/, 'expected 1 to 64 of the characters a-z, A-Z, 0-9, _ and -');
const path = z.string().min(1);

/** Every setting of the agent, with its default, unit and meaning; `lichen agent` reads it from a YAML file. */
export const agentConfigSchema = z
  .strictObject({
    device: z
      .strictObject({
        id: id
          .default(() => hostId())
          .describe("The device's id in MQTT topics; the host's name unless given."),
      })
      .prefault({})
      .describe('This device.'),
    profile: z
      .string()
      .default('auto')
      .describe("Board profile from device/, such as raspberry-pi-4; 'auto' finds it."),
    engine: z
      .enum(ENGINES)
      .default('auto')
      .describe(
        "What computes: ort (ONNX Runtime) or tfjs (TensorFlow's library, built apart); auto is ort.",
      ),
    store: path.default('/var/lib/lichen').describe('Folder of database, replay memory and keys.'),
    backbone: path.optional().describe('Manifest of another backbone than the bundled one.'),
    split: z.string().optional().describe("Tensor to cut the backbone at, in place of the manifest's."),
    sources: sourcesSchema.describe('Where pictures come from.'),
    tasks: z
      .record(id, taskSchema)
      .default({})
      .describe('Settings of single tasks, by name: isolation, regularization, rehearsal, epochs.'),
    learn: learnSchema.prefault({}).describe('Learning.'),
    recognize: recognizeSchema.prefault({}).describe('Recognizing.'),
    label: labelSchema.prefault({}).describe('What the owner is asked and shown.'),
    memory: z
      .strictObject({
        cap: byteSize(1)
          .optional()
          .describe(
            'Most resident memory of the agent while it trains; size such as 300 MiB; no limit if not given. Not with engine: tfjs.',
          ),
      })
      .prefault({})
      .describe('Memory of training.'),
    schedule: z
      .strictObject({
        train: z
          .string()
          .refine(
            (s) => s === '' || isCron(s),
            'expected a cron expression such as 0 3 * * * (three at night), or empty',
          )
          .default('0 3 * * *')
          .describe('When tasks with new labels are trained, as a cron expression; empty is never.'),
        timezone: z
          .string()
          .refine(isTimeZone, 'expected a time zone such as Europe/Berlin or UTC')
          .optional()
          .describe("Time zone of the schedule, such as Europe/Berlin; the host's unless given."),
      })
      .prefault({})
      .describe('The nightly training.'),
    replay: z
      .strictObject({
        cap: byteSize(65_536)
          .default(16 * 2 ** 20)
          .describe('Most bytes of the replay memory, on disk and in memory together; size such as 16 MiB.'),
      })
      .prefault({})
      .describe('The replay memory.'),
    mqtt: z
      .strictObject({
        url: brokerAddress().default('mqtt://127.0.0.1:1883').describe("The broker's address."),
        protocol: z
          .union([z.literal(4), z.literal(5)])
          .default(4)
          .describe('4 is MQTT 3.1.1, 5 is MQTT 5.'),
        username: z.string().optional().describe('User name at the broker.'),
        password: z.string().optional().describe('Password at the broker.'),
        reconnectMax: duration(1000)
          .default(60_000)
          .describe(
            'Longest time between two attempts to reach a broker that is away; the first follows within a second.',
          ),
        outboxCap: byteSize(16_384)
          .default(4 * 2 ** 20)
          .describe('Most bytes of reports kept on disk while the broker is away; size such as 4 MiB.'),
      })
      .prefault({})
      .describe('Reports.'),
    homeAssistant: z
      .strictObject({
        enabled: z
          .boolean()
          .default(false)
          .describe(
            'Whether the device shows itself in Home Assistant, by MQTT discovery on the same broker.',
          ),
        prefix: z
          .string()
          .regex(/^[^+#\s]+$/, "expected a topic without wildcards, such as 'homeassistant'")
          .default('homeassistant')
          .describe("Home Assistant's discovery prefix."),
        pictures: z
          .boolean()
          .default(false)
          .describe(
            'Whether small copies of pictures leave the device: whoever may read the broker sees what the cameras see.',
          ),
      })
      .refine((h) => !h.pictures || h.enabled, {
        error: 'pictures are only published where Home Assistant is `enabled`',
        path: ['pictures'],
      })
      .prefault({})
      .describe('Home Assistant.'),
    webhooks: z
      .array(webhookSchema)
      .max(32)
      .default([])
      .describe('Addresses that are told by HTTP POST when something changes.'),
    http: z
      .strictObject({
        host: z
          .string()
          .min(1)
          .default('0.0.0.0')
          .describe(
            'Address that the web server listens on; 0.0.0.0 is every one. Until a password is set on its page, or a token here, it is 127.0.0.1.',
          ),
        port: z
          .int()
          .min(0)
          .max(65_535)
          .optional()
          .describe('Its port, such as 8480; there is no web server, and no page, unless given.'),
        token: z
          .string()
          .min(16, 'expected at least 16 characters, such as `openssl rand -hex 16` gives')
          .optional()
          .describe(
            'What programs must send that post pictures: Authorization: Bearer <token>. The page has a password.',
          ),
      })
      .prefault({})
      .describe("The device's own web server."),
    guards: z
      .strictObject({
        maxTemperature: z.number().default(75).describe('No training starts above this; degrees Celsius.'),
        minFreeMemory: byteSize()
          .default(150 * 2 ** 20)
          .describe('No training starts with less available memory; size such as 150 MiB.'),
        minFreeDisk: byteSize()
          .default(50 * 2 ** 20)
          .describe('No training starts with less free disk; size such as 50 MiB.'),
        onBattery: z.boolean().default(false).describe('Whether to train while running on battery.'),
      })
      .prefault({})
      .describe('When training has to wait.'),
    packs: z
      .strictObject({
        trustedKeys: z
          .array(path)
          .default([])
          .describe('Public keys (PEM) whose packs are accepted; none: no pack is.'),
        install: z
          .enum(['automatic', 'ask'])
          .default('automatic')
          .describe('Whether a pack is installed when it comes, or waits until the owner says so.'),
      })
      .prefault({})
      .describe('Packs from the hub.'),
    log: z
      .enum(['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'])
      .default('info')
      .describe('The least severity that is logged.'),
  })
  .superRefine(({ sources, http, learn, tasks, memory, engine }, context) => {
    const posted = sources.some((s) => s.kind === 'http-post') && http.port !== undefined;
    if (posted && http.token === undefined) {
      const message = 'pictures that are posted need a `token`, such as `openssl rand -hex 16` gives';
      context.addIssue({ code: 'custom', path: ['http', 'token'], message });
    }
    const doubted = sources.findIndex((s) => s.kind === 'directory' && s.trust !== undefined);
    if (doubted >= 0 && http.port === undefined) {
      const message = 'labels with a `trust` are asked about on the page, and there is none; set http.port';
      context.addIssue({ code: 'custom', path: ['sources', doubted, 'trust'], message });
    }
    for (const conflict of methodConflicts(learn, tasks)) context.addIssue({ code: 'custom', ...conflict });
    if (memory.cap === undefined) return;
    const refuseCap = (message: string) =>
      context.addIssue({ code: 'custom', path: ['memory', 'cap'], message });
    const obstacle = capObstacle(engine);
    if (obstacle !== undefined) refuseCap(obstacle);
    const learners = [learn, ...Object.values(tasks)].flatMap((t) => t.isolation ?? []).filter(isLearner);
    if (learners.length === 0) return;
    refuseCap(`trainings with isolation '${learners[0]}' cannot be fitted under a cap of resident memory`);
  });

export type AgentConfig = z.infer<typeof agentConfigSchema>;

function isTimeZone(name: string): boolean {
  try {
    return new Intl.DateTimeFormat('en', { timeZone: name }) !== undefined;
  } catch {
    return false;
  }
}

/** The host's name as an id. */
function hostId(): string {
  return (
    hostname()
      .replace(/[^a-zA-Z0-9_-]/g, '-')
      .slice(0, 64) || 'device'
  );
}
