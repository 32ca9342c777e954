import type { SequenceOptions } from '../../src/learn/sequence/continual-learner.js';
import type { MethodName } from '../../src/learn/sequence/methods.js';
import type { MethodSettings } from '../../src/learn/sequence/settings.js';
import type { Scenario, SequenceTask } from '../../src/learn/sequence/task.js';
import type { Crown } from '../../src/learn/strategy.js';
import type { Sources } from './backbone-tasks.js';

type Training = Pick<
  SequenceOptions,
  'epochs' | 'batch' | 'optimizer' | 'rate' | 'freshOptimizer' | 'schedule' | 'headInitializer'
>;

/** What a benchmark says of one method: where its training differs, and the method's own settings. */
export interface Protocol {
  training?: Partial<Training>;
  settings?: MethodSettings;
}

/** A sequence of tasks, a network and a training. */
export interface Benchmark {
  summary: string;
  scenario: Scenario;
  classes: number;
  training: Training;
  /** Methods that it says something of. */
  methods?: Partial<Record<MethodName, Protocol>>;
  /** The same with other settings, for all methods: sizes of the memory, shorter trainings. They win over `methods`. */
  variants?: Record<string, Protocol>;
  /** Whether the area under the ROC curve is measured, too. */
  auroc?: boolean;
  tasks(seed: number, sources: Sources): SequenceTask[] | Promise<SequenceTask[]>;
  crown(seed: number, sources: Sources): Crown | Promise<Crown>;
}

/**
 * What a benchmark says of a method; for methods with + between them, what it says of each.
 * @param variant its settings win over the method's
 */
export function protocolOf(
  { methods, variants }: Benchmark,
  method: string,
  variant?: string,
): Required<Protocol> {
  const parts = method.split('+').map((name) => methods?.[name as MethodName] ?? {});
  const other = variant ? variants?.[variant] : undefined;
  // Where methods train differently, the benchmark's own training is nobody's disadvantage.
  const own = parts.length === 1 ? parts[0]!.training : {};
  const settings = [...parts, other].map((p) => p?.settings);
  return { training: { ...own, ...other?.training }, settings: Object.assign({}, ...settings) };
}
