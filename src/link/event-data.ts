/** What keeps a device from training now. Bytes, and degrees Celsius. */
export type Hindrance =
  | { kind: 'heat'; celsius: number; limit: number }
  | { kind: 'memory'; free: number; needed: number }
  | { kind: 'battery' }
  | { kind: 'disk'; free: number; needed: number };

/**
 * What an event holds in `data`, by its kind: whatever its message says, for those who say it in another language or
 * act by it. `reason` is what a program or an error said, word for word. Fields may be added.
 */
export interface EventData {
  'picture-set-aside': { path: string; reason: string };
  'source-failed': { source: string; reason: string };
  'source-works': { source: string };
  drift: { source: string; task: string; kind: 'novelty' | 'confidence' };
  'task-opened': { task: string; source: string; like: string };
  'training-started': { task: string };
  /** `hindrance` where the device may not train now. */
  'training-failed': { task: string; code: string; reason: string; hindrance?: Hindrance };
  /** Accuracies are on held-out samples; null where there are none. */
  promoted: Trained;
  'candidate-kept': Trained;
  /** A task whose network changed as another one, `trained`, was trained; shares before and after. */
  'changed-along': {
    task: string;
    trained: string;
    version: number | 'instant';
    before: number | null;
    after: number | null;
  };
  'rolled-back': { task: string; version: number | 'instant' };
  'task-closed': { task: string };
  'pack-offered': { task: string; version: number };
  /** `accuracy` on the device's own held-out samples; null where there are none. */
  'pack-installed': { task: string; version: number; accuracy: number | null };
  'pack-kept': { task: string; version: number; accuracy: number | null };
  'pack-refused': { code: string; reason: string };
}

interface Trained {
  task: string;
  version: number;
  heldOutAccuracy: number | null;
  instantAccuracy: number | null;
}

export type EventKind = keyof EventData;

/** Kinds that tell what a task runs from now on. */
export type ChangeKind =
  | 'task-opened'
  | 'promoted'
  | 'candidate-kept'
  | 'changed-along'
  | 'rolled-back'
  | 'task-closed'
  | 'pack-installed'
  | 'pack-kept';

/** Reports something that happened. */
export type TellEvent = <K extends EventKind>(
  kind: K,
  severity: 'info' | 'warning' | 'error',
  message: string,
  data: EventData[K],
) => void;

/** Reports what a task runs from now on. */
export type TellChange = <K extends ChangeKind>(
  task: string,
  kind: K,
  message: string,
  data: Omit<EventData[K], 'task'>,
) => Promise<void>;
