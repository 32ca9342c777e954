import { z } from 'zod';
import { id } from '../capture/common-config.js';
import { duration } from '../config/units.js';

/** Labels from another program. */
const signalSchema = z.strictObject({
  topic: z.string().min(1).max(1024).describe('MQTT topic that a label comes on, of the own broker.'),
  task: id.describe('The task that it is a label of.'),
  source: z
    .string()
    .min(1)
    .optional()
    .describe('The source whose picture is meant; the picture nearest in time of any source unless given.'),
  labels: z
    .record(z.string(), z.string().min(1).max(64))
    .optional()
    .describe('What payloads mean, such as {"0": good, "1": crack}; the payload itself unless given.'),
  within: duration(10)
    .default(3000)
    .describe('How far in time the picture may be from the message; time such as 3 s.'),
  trust: z
    .number()
    .min(0.01)
    .max(1)
    .default(0.8)
    .describe('How often such labels are right, as far as is known; the owner corrects it by answering.'),
});

/** Settings of the labelling queue and of what the page keeps. */
export const labelSchema = z.strictObject({
  perDay: z
    .int()
    .min(0)
    .max(1000)
    .default(20)
    .describe('Questions that the device asks within 24 hours, at most.'),
  keep: duration(60_000)
    .default(7 * 24 * 3600 * 1000)
    .describe('Pictures that wait for an answer are deleted after so long; time such as 7 d.'),
  thumbnails: z
    .boolean()
    .default(true)
    .describe('Whether a small picture of each kept sample stays, sealed, for the page.'),
  weak: z
    .array(signalSchema)
    .default([])
    .describe(
      'Labels from other programs, which may be wrong: learned from where the device agrees, else asked about.',
    ),
});

export type LabelConfig = z.infer<typeof labelSchema>;
export type WeakSignal = z.infer<typeof signalSchema>;
