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
    sound: wavSchema,
    settle: duration()
      .default(500)
      .describe('A file is read when it has not grown for this long; time such as 500 ms.'),
  })
  .refine((s) => s.layout !== 'class' || s.task !== undefined, {
    error: "a source of layout 'class' needs a `task`",
    path: ['task'],
  });
export type DirectoryConfig = z.infer<typeof directorySchema>;
