import type {
  AdapterBody,
  EventBody,
  MetricsBody,
  ResultBody,
  StateBody,
  TaskMetrics,
} from '../link/schemas.js';
import type { PackManifest } from '../pack/manifest.js';

/** What the hub shows of a device: in the API, in live updates and on the page. Times are ISO 8601, UTC. */
export interface DeviceView {
  device: string;
  state: StateBody['state'];
  /** When `state` last changed. */
  since: string;
  boot: number;
  firstSeen: string;
  lastSeen: string;
  /** Of the last birth; null before the first. */
  birth: Omit<StateBody, 'state'> | null;
  /** The newest metrics without their tasks; null before the first. */
  metrics: (Omit<MetricsBody, 'tasks'> & { at: string }) | null;
  tasks: TaskView[];
  messages: { accepted: number; doubles: number; rejected: number };
}

export interface TaskView {
  task: string;
  /** The newest metrics of the task; null where the device has sent none. */
  metrics: Omit<TaskMetrics, 'task'> | null;
  /** What the device says that the task runs (its retained adapter message); null where it said nothing. */
  adapter: Omit<AdapterBody, 'task'> | null;
  lastResult: ResultView | null;
  /** Accuracy on held-out samples over time, oldest first. */
  curve: PointView[];
}

export type ResultView = Omit<ResultBody, 'task'> & { at: string };

export interface PointView {
  at: string;
  samples: number;
  accuracy: number;
}

export interface EventView extends EventBody {
  id: number;
  device: string;
  /** `hub` where the hub itself noticed it. */
  origin: 'device' | 'hub';
  at: string;
}

export interface RejectionView {
  /** null where no device is known by the name in the topic. */
  device: string | null;
  code: string;
  count: number;
  /** Of the newest. */
  topic: string;
  message: string;
  at: string;
}

export interface TotalsView {
  devices: number;
  online: number;
  accepted: number;
  doubles: number;
  rejected: number;
}

export interface PackView {
  /** SHA-256 of its bytes. */
  id: string;
  bytes: number;
  /** Whether a key that the hub trusts has signed it. */
  verified: boolean;
  manifest: PackManifest;
  uploadedAt: string;
}

/** One attempt to install a pack on a device. */
export interface InstallView {
  id: number;
  pack: string;
  device: string;
  task: string;
  version: number;
  /** What the device answered; `sent` while the hub waits, `unanswered` when it gave up waiting. */
  state: 'sent' | 'answered' | 'refused' | 'unanswered';
  /** Whether the device says that the task runs the pack's adapter now: this is success. */
  serving: boolean;
  /** Why the device refused it. */
  message: string | null;
  sentAt: string;
  answeredAt: string | null;
}
