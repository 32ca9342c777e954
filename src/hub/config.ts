import { z } from 'zod';

const port = z.int().min(0).max(65_535);

/** Every setting of the hub, with its default and unit; `lichen hub` reads it from a YAML file. */
export const hubConfigSchema = z.strictObject({
  store: z.string().min(1).default('/var/lib/lichen/hub').describe("Folder of the hub's database."),
  mqtt: z
    .strictObject({
      host: z
        .string()
        .min(1)
        .default('127.0.0.1')
        .describe('Address that the MQTT broker listens on; 0.0.0.0 is every IPv4 address of this machine.'),
      port: port.default(1883).describe('TCP port of the MQTT broker; 0 takes any free one.'),
      username: z.string().min(1).optional().describe('User name that every MQTT client must give.'),
      password: z.string().min(1).optional().describe('Password that every MQTT client must give.'),
    })
    .refine((mqtt) => (mqtt.username === undefined) === (mqtt.password === undefined), {
      error: 'mqtt.username and mqtt.password go together: set both or neither.',
    })
    .prefault({})
    .describe('The MQTT broker that devices connect to.'),
  http: z
    .strictObject({
      host: z
        .string()
        .min(1)
        .default('127.0.0.1')
        .describe('Address of the page and the HTTP API. They have no login: keep them off open networks.'),
      port: port.default(8080).describe('TCP port of the page and the HTTP API; 0 takes any free one.'),
    })
    .prefault({})
    .describe('The page and the HTTP API.'),
  keep: z
    .strictObject({
      events: z.int().min(1).default(1000).describe('Events kept for each device; the oldest go first.'),
      results: z.int().min(1).default(100).describe('Results kept for each task of each device.'),
      points: z.int().min(2).default(200).describe('Points of the accuracy curve kept for each task.'),
    })
    .prefault({})
    .describe('How much history the database keeps.'),
  trustedKeys: z
    .array(z.string().min(1))
    .default([])
    .describe(
      'Public keys (PEM files) whose packs may be uploaded. Without any, every well-formed pack is taken and the devices decide.',
    ),
  install: z
    .strictObject({
      attempts: z.int().min(1).default(3).describe('How often one pack may be sent to one device.'),
      timeoutSeconds: z
        .number()
        .positive()
        .default(300)
        .describe('Seconds that a device has to answer an install request.'),
    })
    .prefault({})
    .describe('Installing packs on devices.'),
  log: z
    .enum(['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'])
    .default('info')
    .describe('The least severity that is logged.'),
});

export type HubConfig = z.infer<typeof hubConfigSchema>;
