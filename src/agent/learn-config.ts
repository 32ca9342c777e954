import { z } from 'zod';
import { byteSize } from '../config/units.js';
import {
  conflictOf,
  DEVICE_ISOLATIONS,
  DEVICE_REGULARIZATIONS,
  DEVICE_REHEARSALS,
  type DeviceIsolation,
  type DeviceMethod,
  isLearner,
} from '../learn/device-method.js';
import { LEARNER_DEFAULTS } from '../learn/learner-options.js';
import { LEARNER_TRAINING_DEFAULTS, SHARED_SETTINGS } from '../learn/sequence/kept-learner.js';
import type { MethodSettings } from '../learn/sequence/settings.js';
import { GROWTH_DEFAULTS } from './growth.js';

const isolation = z.enum(DEVICE_ISOLATIONS);
const regularization = z.enum(DEVICE_REGULARIZATIONS);
const rehearsal = z.enum(DEVICE_REHEARSALS);
const atLeast0 = z.number().min(0);

/** Settings of one task. */
export const taskSchema = z.strictObject({
  isolation: isolation.optional().describe('As learn.isolation, for this task.'),
  regularization: regularization.optional().describe('As learn.regularization, for this task.'),
  rehearsal: rehearsal.optional().describe('As learn.rehearsal, for this task.'),
  epochs: z.int().min(1).max(10_000).optional().describe('As learn.epochs, for this task.'),
});

/** How the agent learns. */
export const learnSchema = z.strictObject({
  isolation: isolation
    .default('piggyback')
    .describe(
      'What a new task trains: piggyback (masks), pnn (a column), auto (a mask, and a column where the mask does not do), shared (one network for all such tasks), den (one that grows), or cpg (free weights, and picked ones of earlier tasks).',
    ),
  regularization: regularization
    .default('none')
    .describe('What holds the weights of isolation: shared in place: none, ewc, vcl or ags-cl.'),
  rehearsal: rehearsal
    .optional()
    .describe(
      'How remembered samples enter a training: none, er, or with isolation: shared also gem and a-gem; er unless given, none with den and cpg.',
    ),
  growth: z
    .strictObject({
      margin: z
        .number()
        .min(0)
        .max(1)
        .default(GROWTH_DEFAULTS.margin)
        .describe(
          'Share of held-out samples by which a mask must beat the instant answer, else a column is tried.',
        ),
      columnBytes: byteSize(0)
        .default(GROWTH_DEFAULTS.columnBytes)
        .describe('Most that a column may take; size such as 1 MiB.'),
    })
    .prefault({})
    .describe('When isolation: auto grows a column.'),
  rate: z
    .number()
    .positive()
    .max(1)
    .default(LEARNER_TRAINING_DEFAULTS.rate)
    .describe('Learning rate with isolation: shared, den and cpg.'),
  forgetting: z
    .number()
    .min(0)
    .max(1)
    .default(LEARNER_TRAINING_DEFAULTS.forgetting)
    .describe(
      'Share of held-out samples that another task of the same network may lose by a training, with isolation: shared and den; what takes more is not promoted.',
    ),
  ewc: z
    .strictObject({
      lambda: atLeast0.default(SHARED_SETTINGS.ewc.lambda).describe('Strength of the penalty.'),
      gamma: z
        .number()
        .min(0)
        .max(1)
        .optional()
        .describe(
          'What earlier importance is multiplied by at each task; a penalty for every task without it.',
        ),
    })
    .prefault({})
    .describe('What ewc is told.'),
  vcl: z
    .strictObject({
      logVariance: z
        .number()
        .min(-30)
        .max(0)
        .default(SHARED_SETTINGS.vcl.logVariance)
        .describe('Logarithm of the variance that every weight starts from.'),
    })
    .prefault({})
    .describe('What vcl is told.'),
  agsCl: z
    .strictObject({
      mu: atLeast0.default(SHARED_SETTINGS.agsCl.mu).describe('Pull of unimportant nodes towards 0.'),
      lambda: atLeast0
        .default(SHARED_SETTINGS.agsCl.lambda)
        .describe('Pull of important nodes towards what they were.'),
    })
    .prefault({})
    .describe('What ags-cl is told.'),
  gem: z
    .strictObject({
      each: z
        .int()
        .min(1)
        .default(SHARED_SETTINGS.memoryEach)
        .describe('Remembered samples of each task that a step is compared with, at most.'),
      margin: atLeast0.default(SHARED_SETTINGS.gem.margin).describe('Lower bound of the dual variables.'),
    })
    .prefault({})
    .describe('What gem is told.'),
  recall: z
    .int()
    .min(1)
    .default(SHARED_SETTINGS.recall)
    .describe('Remembered samples of earlier tasks in a step, with isolation: shared and er or a-gem.'),
  epochs: z
    .int()
    .min(1)
    .max(10_000)
    .default(LEARNER_DEFAULTS.epochs)
    .describe('Epochs of a training, at most.'),
  hardest: z
    .number()
    .min(0.01)
    .max(1)
    .default(LEARNER_DEFAULTS.hardest)
    .describe(
      'Share of the samples, the ones learned least, that an epoch shows after the first; 1 shows all. 0.3 takes half the steps and costs half a point of accuracy.',
    ),
  earlyStopping: z
    .boolean()
    .default(false)
    .describe(
      'Whether training ends before its last epoch when the loss on held-out samples falls no more; for many epochs.',
    ),
  batch: z.int().min(1).max(1024).default(16).describe('Samples a step.'),
  seed: z.int().min(0).default(0).describe('Of everything random.'),
  newLabels: z.int().min(1).default(20).describe('New labels of a task that start its training at once.'),
  heldOut: z
    .number()
    .min(0)
    .max(0.9)
    .default(0.2)
    .describe('Share of samples never trained on, by which candidates are judged.'),
});

type Learn = z.infer<typeof learnSchema>;
type TaskSettings = z.infer<typeof taskSchema>;
type Tasks = Readonly<Record<string, TaskSettings>>;

/**
 * The method that a task is trained by. What `learn` says of the other two axes is for tasks that it goes together with.
 * @param isolation that the task was made with, where it is not the one that the settings say
 */
export function methodOf(learn: Learn, task: TaskSettings = {}, isolation?: DeviceIsolation): DeviceMethod {
  const chosen: DeviceIsolation = isolation ?? task.isolation ?? learn.isolation;
  const alone: DeviceMethod = {
    isolation: chosen,
    regularization: 'none',
    rehearsal: isLearner(chosen) && chosen !== 'shared' ? 'none' : 'er',
  };
  const method = { ...alone };
  const regularizations = [task.regularization, learn.regularization];
  method.regularization =
    regularizations.find((r) => r && !conflictOf({ ...alone, regularization: r })) ?? alone.regularization;
  const rehearsals = [task.rehearsal, learn.rehearsal];
  method.rehearsal = rehearsals.find((r) => r && !conflictOf({ ...method, rehearsal: r })) ?? alone.rehearsal;
  return method;
}

/** Settings of methods, as they take them. */
export function methodSettings({ ewc, vcl, agsCl, gem, recall }: Learn): MethodSettings {
  const { gamma, lambda } = ewc;
  return {
    ewc: { lambda, ...(gamma !== undefined && { gamma }) },
    ...{ vcl, agsCl, recall, gem: { margin: gem.margin }, memoryEach: gem.each },
  };
}

/** Choices that go together with nothing that is chosen on the other axes, and why. */
export function methodConflicts(learn: Learn, tasks: Tasks): { path: string[]; message: string }[] {
  const conflicts: { path: string[]; message: string }[] = [];
  const isolations = [learn.isolation, ...Object.values(tasks).flatMap((t) => t.isolation ?? [])];
  const check = (path: string[], of: Partial<DeviceMethod>, among: readonly DeviceIsolation[]) => {
    const found = among.map((isolation) =>
      conflictOf({ regularization: 'none', rehearsal: 'none', ...of, isolation }),
    );
    const [first] = found;
    if (first && found.every((c) => c))
      conflicts.push({ path: [...path, first.axis], message: first.reason });
  };
  const given = ({ regularization, rehearsal }: TaskSettings) => {
    const one = [...(regularization ? [{ regularization }] : []), ...(rehearsal ? [{ rehearsal }] : [])];
    return regularization && rehearsal ? [...one, { regularization, rehearsal }] : one;
  };
  for (const of of given(learn)) check(['learn'], of, isolations);
  for (const [name, task] of Object.entries(tasks)) {
    for (const of of given(task)) check(['tasks', name], of, [task.isolation ?? learn.isolation]);
  }
  const seen = new Set<string>();
  return conflicts.filter(({ path }) => !seen.has(path.join('.')) && seen.add(path.join('.')));
}
