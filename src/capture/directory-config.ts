import { z } from 'zod';
import { duration } from '../config/units.js';
import { id, name } from './common-config.js';
import { wavSchema } from './signal/config.js';

/** A watched folder. */
export const directorySchema = z
  .strictObject({
    kind: z.literal('directory').describe('What kind of source it is: a watched folder.'),
    name,
    path: z.string().min(1).describe('Folder that is watched, with all folders in it.'),
    layout: z
      .enum(['task/class', 'class', 'flat'])
      .default('flat')
      .describe(
        "What folders mean: 'task/class', 'class' (of the task named by `task`), or 'flat' (unlabelled pictures).",
      ),
    task: id
      .optional()
      .describe("The task of a source of layout 'class'; of a flat one, the task that is asked."),
    trust: z
      .number()
      .min(0.01)
      .max(1)
      .optional()
      .describe(
        "How often the folders' labels are right, as far as is known; the owner corrects it by answering. Learned from where the device agrees, else asked about. Unless given they are the owner's own, and all are learned from.",
      ),
    sound: wavSchema,
    settle: duration()
      .default(500)
      .describe('A file is read when it has not grown for this long; time such as 500 ms.'),
  })
  .refine((s) => s.layout !== 'class' || s.task !== undefined, {
    error: "a source of layout 'class' needs a `task`",
    path: ['task'],
  })
  .refine((s) => s.layout !== 'flat' || s.trust === undefined, {
    error:
      "`trust` is of labels, and a source of layout 'flat' has none; set `layout` to 'class' or 'task/class'",
    path: ['trust'],
  });
export type DirectoryConfig = z.infer<typeof directorySchema>;
