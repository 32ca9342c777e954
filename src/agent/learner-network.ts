import type { AdapterTensors, StoredTensor } from '../learn/adapter.js';
import { half } from '../learn/adapter.js';
import { type Deployed, deployModel } from '../learn/deploy.js';
import { Den } from '../learn/isolation/den.js';
import { deployableNamed } from '../learn/methods.js';
import type { TaskNetworkParts } from '../learn/sequence/continual-learner.js';
import type { LearnerKey } from '../learn/sequence/kept-learner.js';
import type { TaskHead } from '../learn/sequence/task-trainer.js';
import type { Crown, Isolation, IsolationContext } from '../learn/strategy.js';

/** A task's network as a learner left it, ready to be deployed and kept. */
export interface LearnerNetwork {
  isolation: Pick<Isolation, 'name' | 'deploy'>;
  context: IsolationContext;
  tensors: AdapterTensors;
  /** The softmax head that was trained with it. */
  head: TaskHead;
}

/**
 * The network of one of a learner's tasks.
 * @param networks of all its tasks, oldest first
 */
export function learnerNetwork(
  key: LearnerKey,
  crown: Crown,
  networks: readonly TaskNetworkParts[],
  task: number,
): LearnerNetwork {
  const { tensors, head } = networks[task]!;
  const before = networks.slice(0, task).map((n) => n.tensors);
  const alone = { crown, earlier: [] };
  if (key === 'cpg') {
    return { isolation: deployableNamed('cpg'), context: { crown, earlier: before }, tensors, head };
  }
  if (key === 'den') {
    const den = new Den({ tail: true });
    return { isolation: den, context: alone, tensors: den.alone(crown, [...before, tensors]), head };
  }
  return { isolation: deployableNamed('shared'), context: alone, tensors: inHalf(tensors), head };
}

export const deployLearned = (
  { isolation, context, tensors }: Omit<LearnerNetwork, 'head'>,
  head?: Parameters<typeof deployModel>[2]['head'],
): Deployed => deployModel(isolation, context, { tensors, ...(head && { head }) });

/** Weights that a learner has rounded already, as halves. */
const inHalf = (tensors: AdapterTensors): AdapterTensors =>
  new Map([...tensors].map(([name, t]): [string, StoredTensor] => [name, half(t.data, t.dims)]));
