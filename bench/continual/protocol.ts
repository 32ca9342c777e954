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

/** Settings for all methods, and for single ones, which win. */
export interface Variant extends Protocol {
  methods?: Partial<Record<MethodName, Protocol>>;
}

/** A sequence of tasks, a network and a training. */
export interface Benchmark {
  summary: string;
  scenario: Scenario;
  classes: number;
  training: Training;
  /** Methods that it says something of. */
  methods?: Partial<Record<MethodName, Protocol>>;
  /** The same with other settings: sizes of the memory, shorter trainings. They win over `methods`. */
  variants?: Record<string, Variant>;
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
  const names = method.split('+') as MethodName[];
  const other = variant ? variants?.[variant] : undefined;
  const ofEach = (all: Benchmark['methods']): Protocol[] => names.map((name) => all?.[name] ?? {});
  const [parts, others] = [ofEach(methods), ofEach(other?.methods)];
  // Where methods train differently, the benchmark's own training is nobody's disadvantage.
  const own = (of: Protocol[]) => (of.length === 1 ? of[0]!.training : {});
  const settings = [...parts, other, ...others].map((p) => p?.settings);
  return {
    training: { ...own(parts), ...other?.training, ...own(others) },
    settings: Object.assign({}, ...settings),
  };
}
