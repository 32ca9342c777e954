import type { Birth } from '../../src/link/link.js';
import type {
  AdapterBody,
  EventBody,
  MetricsBody,
  ResultBody,
  ResultEventBody,
} from '../../src/link/schemas.js';

export const birth: Birth = {
  versions: { program: '0.1.0', node: '20.19.0', onnxruntime: '1.27.0' },
  profile: 'raspberry-pi-4',
  capabilities: ['train', 'classify', 'install'],
};

export const metrics: MetricsBody = {
  tasks: [
    {
      task: 'tops',
      classes: ['shirt', 'coat'],
      samples: 240,
      accuracyHeldOut: 0.925,
      current: 3,
      isolation: 'piggyback',
      adapterBytes: 121_344,
      closed: false,
    },
  ],
  replay: { capBytes: 50_000_000, usedBytes: 2_256_000, samples: 240 },
  backboneBytes: 13_400_000,
  rssBytes: 210_000_000,
  peakRssBytes: 380_000_000,
  uptimeSeconds: 3600.5,
  diskWrittenBytes: 4_096_000,
  outbox: { messages: 2, bytes: 1200, dropped: 0 },
  training: { task: 'tops', epoch: 4, epochs: 10, loss: 0.41 },
};

/** What a device with a camera and a folder says of them. */
export const sources: NonNullable<MetricsBody['sources']> = [
  {
    ...{ source: 'door', kind: 'ffmpeg', frames: 1204, triggered: 400, delivered: 87 },
    ...{ duplicates: 300, blurred: 5, dropped: 8, bad: 0, restarts: 2 },
    lastError: 'no picture for 30 s',
    lastErrorAt: '2026-11-01T10:00:00.000Z',
    lastFrameAt: '2026-11-01T10:05:00.000Z',
  },
  {
    ...{ source: 'inbox', kind: 'directory', frames: 1, triggered: 1, delivered: 0 },
    ...{ duplicates: 0, blurred: 0, dropped: 0, bad: 1, restarts: 0 },
    lastError: 'cannot read <b>it</b>',
    lastErrorAt: '2026-11-01T10:05:00.000Z',
    lastFrameAt: null,
  },
];

export const result: ResultBody = {
  task: 'tops',
  label: 'shirt',
  probability: 0.97,
  sample: 'a1b2c3',
  source: 'directory:/var/lib/lichen/in',
  version: 3,
};

const standing: ResultEventBody['after'] = {
  ...{ id: '0b9c6f3e-1', source: 'door', task: 'tops', label: 'shirt', novel: false, version: 3 },
  ...{ probability: 0.91, topProbability: 0.93, sample: 'a1b2c3' },
  startedAt: '2026-11-01T10:00:00.000Z',
  endedAt: null,
};

export const resultEvent: ResultEventBody = {
  type: 'end',
  before: standing,
  after: { ...standing, endedAt: '2026-11-01T10:05:00.000Z' },
};

export const adapter: AdapterBody = {
  task: 'tops',
  version: 3,
  sha256: 'ab'.repeat(32),
  bytes: 121_344,
  accuracy: 0.925,
  promotedAt: '2026-01-02T03:04:05.000Z',
  digest: 'cd'.repeat(32),
};

export function event(n: number): EventBody {
  return { kind: 'test', severity: 'info', message: `event ${n}`, data: { n } };
}
