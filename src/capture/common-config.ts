import { validate as isCron } from 'node-cron';
import { z } from 'zod';
import { brokerAddress } from '../config/address.js';
import { byteSize, duration } from '../config/units.js';

/** What sources and tasks may be called. */
export const id = z
  .string()
  .regex(/^[a-zA-Z0-9_-]{1,64}$/, 'expected 1 to 64 of the characters a-z, A-Z, 0-9, _ and -');

/** A broker's address, user and password; what is left out is as in the agent's own `mqtt`. */
export const brokerSchema = z
  .strictObject({
    url: brokerAddress().describe("Another broker's address."),
    username: z.string().optional().describe('User name at that broker.'),
    password: z.string().optional().describe('Password at that broker.'),
    protocol: z
      .union([z.literal(4), z.literal(5)])
      .default(4)
      .describe('4 is MQTT 3.1.1, 5 is MQTT 5.'),
  })
  .optional()
  .describe("The broker to listen to; the agent's own unless given.");

/** The name of a source. */
export const name = id
  .optional()
  .describe('What the source is called in results, metrics and the log; its kind and place unless given.');

/** The task that a source's pictures are of. */
export const task = id
  .optional()
  .describe('The task that is asked of its pictures; which one it is, is found out unless given.');

const fraction = z.number().min(0).max(1);

const regionSchema = z
  .strictObject({
    x: fraction.describe('Left edge, as a fraction of the width.'),
    y: fraction.describe('Upper edge, as a fraction of the height.'),
    width: fraction.min(0.01).describe('Its width, as a fraction.'),
    height: fraction.min(0.01).describe('Its height, as a fraction.'),
    crop: z
      .boolean()
      .default(true)
      .describe('Whether the network sees only the region, or the whole picture.'),
  })
  .refine((r) => r.x + r.width <= 1.0001 && r.y + r.height <= 1.0001, {
    error: 'the region reaches beyond the picture: x + width and y + height are at most 1',
  })
  .optional()
  .describe('The part of the picture that counts, for triggers as for the network.');

const triggerSchema = z
  .strictObject({
    motion: z
      .strictObject({
        area: z
          .number()
          .min(0.0002)
          .max(1)
          .default(0.01)
          .describe('Share of the picture that must have changed since the one before.'),
        difference: z
          .number()
          .min(1)
          .max(255)
          .default(20)
          .describe('By how much a grey value must differ to have changed, of 255.'),
      })
      .optional()
      .describe('When something moves.'),
    interval: duration(1).optional().describe('Every so often; time such as 10 s.'),
    schedule: z
      .string()
      .refine(isCron, "expected a cron expression such as '0 * * * *'")
      .optional()
      .describe('At these times, as a cron expression.'),
    message: z
      .strictObject({
        topic: z
          .string()
          .min(1)
          .max(1024)
          .describe(
            'MQTT topic; a message there asks for the next picture, and with a JSON payload {"label": ..., "task": ...} teaches it.',
          ),
        broker: brokerSchema,
      })
      .optional()
      .describe('When a message comes.'),
  })
  .prefault({})
  .describe('When a picture is taken: each of these that is given; every picture where none is.');

/** Settings of everything that gives a stream of pictures. */
export const cameraShape = {
  name,
  task,
  rate: z
    .number()
    .min(0)
    .max(60)
    .default(1)
    .describe('Pictures looked at a second, at most; 0 looks at every one.'),
  region: regionSchema,
  trigger: triggerSchema,
  drop: z
    .strictObject({
      duplicates: z
        .union([z.literal(false), z.int().min(0).max(63)])
        .default(4)
        .describe(
          'Drops pictures that show what the last one did: bits of 64 in which their hashes may differ; false drops none.',
        ),
      blurred: z
        .union([z.literal(false), z.literal('auto'), z.number().min(0)])
        .default('auto')
        .describe(
          'Drops blurred pictures: auto compares with what is usual for the camera, a number such as 50 is the least variance of the Laplacian, false drops none.',
        ),
    })
    .prefault({})
    .describe('What is dropped before the network sees it.'),
  maxBytes: byteSize(1024)
    .default(8 * 2 ** 20)
    .describe('Larger pictures are dropped; size such as 8 MiB.'),
};

/** Settings of everything that is begun again when it fails. */
export const retryShape = {
  stall: duration(100)
    .default(30_000)
    .describe('It is begun again when nothing came for this long; time such as 30 s.'),
  retryMax: duration(100)
    .default(60_000)
    .describe('Longest time between two attempts to begin it again; the first follows within a second.'),
};

export type CameraSettings = z.infer<z.ZodObject<typeof cameraShape>>;
export type RetrySettings = z.infer<z.ZodObject<typeof retryShape>>;
