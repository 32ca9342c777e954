import type { DeviceDetail } from '../cli/hub-client.js';

export interface AccuracyRow {
  task: string;
  /** On test pictures that were never shown before. */
  accuracy: number;
  samples: number;
}

export interface Answered {
  file: string;
  truth: string;
  label: string;
  probability: number;
}

/** What one task of the story came to. */
export interface StageResult {
  task: string;
  title: string;
  isolation: string;
  samples: number;
  takeInSeconds: number;
  /** Of the instant answer, on the test pictures, before the training. */
  instantAccuracy: number;
  training: {
    version: number;
    promoted: boolean;
    reason: string;
    heldOutAccuracy: number | null;
    instantAccuracy: number | null;
    trainSamples: number;
    adapterBytes: number;
    digest: string | null;
    seconds: number;
    wallSeconds: number;
  };
  /** Of every task so far. */
  accuracy: AccuracyRow[];
  /** Of the task's answers, recorded when it was closed. */
  digest: string | null;
  /** Of every task's answers, recomputed after this task. */
  digests: Record<string, string>;
  verified: boolean;
  replay: { capBytes: number; usedBytes: number; samples: number };
  peakRssBytes: number;
}

/** What the demo measured; demo/summary.json, less the pictures. */
export interface DemoResult {
  startedAt: string;
  seconds: number;
  machine: { node: string; platform: string; cores: number; cpu: string };
  page: string;
  backboneBytes: number;
  stages: StageResult[];
  crash?: { samplesBefore: number; samplesAfter: number; tasksBefore: string[]; tasksAfter: string[] };
  outage?: { reportsWhileAway: number; arrived: number; distinct: number; dropped: number };
  pack?: {
    bytes: number;
    signer: string;
    version: number;
    accuracyOnFirst: number;
    accuracyOnSecond: number;
    samples: number;
  };
  nothingForgotten: boolean;
  trafficBytes: number | null;
  /** The last answers for every test picture, by task. */
  answers: Record<string, Answered[]>;
  device?: DeviceDetail;
  versions?: { name: string; versions: { number: number; metrics: { losses?: number[] } }[] }[];
}
