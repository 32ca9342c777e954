import type { DeviceView, TotalsView } from './views.js';

interface Metric {
  name: string;
  help: string;
  type: 'gauge' | 'counter';
  samples: { labels: Record<string, string>; value: number }[];
}

/** The hub's and its devices' numbers in Prometheus's text format, version 0.0.4. */
export function prometheusText(totals: TotalsView, devices: readonly DeviceView[]): string {
  return [
    ...hubMetrics(totals),
    ...deviceMetrics(devices),
    ...taskMetrics(devices),
    ...sourceMetrics(devices),
  ]
    .map(write)
    .join('');
}

function hubMetrics(totals: TotalsView): Metric[] {
  const messages = (['accepted', 'doubles', 'rejected'] as const).map((outcome) => ({
    labels: { outcome },
    value: totals[outcome],
  }));
  return [
    {
      name: 'lichen_hub_messages_total',
      help: 'Messages of devices, by what the hub did with them.',
      type: 'counter',
      samples: messages,
    },
  ];
}

function deviceMetrics(devices: readonly DeviceView[]): Metric[] {
  type Reading = (device: DeviceView) => number | undefined;
  const readings: [name: string, type: Metric['type'], help: string, read: Reading][] = [
    ['up', 'gauge', '1 while the device is online.', (d) => (d.state === 'online' ? 1 : 0)],
    ['boot', 'gauge', "Starts of the device's program.", (d) => d.boot],
    ['replay_cap_bytes', 'gauge', 'Cap of the replay memory.', (d) => d.metrics?.replay.capBytes],
    ['replay_used_bytes', 'gauge', 'Bytes of the replay memory in use.', (d) => d.metrics?.replay.usedBytes],
    ['replay_samples', 'gauge', 'Samples in the replay memory.', (d) => d.metrics?.replay.samples],
    ['backbone_bytes', 'gauge', 'Size of the backbone.', (d) => d.metrics?.backboneBytes],
    ['rss_bytes', 'gauge', 'Resident memory of the agent.', (d) => d.metrics?.rssBytes],
    ['rss_peak_bytes', 'gauge', 'Peak resident memory of the agent.', (d) => d.metrics?.peakRssBytes],
    ['uptime_seconds', 'gauge', 'Seconds since the agent started.', (d) => d.metrics?.uptimeSeconds],
    [
      'disk_written_bytes',
      'gauge',
      'Bytes that the agent wrote since its start.',
      (d) => d.metrics?.diskWrittenBytes,
    ],
    ['outbox_messages', 'gauge', 'Messages that waited in the outbox.', (d) => d.metrics?.outbox.messages],
    [
      'outbox_dropped_total',
      'counter',
      'Messages that the outbox dropped.',
      (d) => d.metrics?.outbox.dropped,
    ],
  ];
  return readings.map(([name, type, help, read]) => ({
    name: `lichen_device_${name}`,
    type,
    help,
    samples: devices.flatMap((device) => {
      const value = read(device);
      return value === undefined ? [] : [{ labels: { device: device.device }, value }];
    }),
  }));
}

function taskMetrics(devices: readonly DeviceView[]): Metric[] {
  const tasks = devices.flatMap(({ device, tasks }) => tasks.map((task) => ({ device, ...task })));
  type Reading = (task: (typeof tasks)[number]) => number | null | undefined;
  const readings: [name: string, help: string, read: Reading][] = [
    ['accuracy', 'Accuracy on samples held out on the device.', (t) => t.metrics?.accuracyHeldOut],
    ['samples', 'Labelled samples.', (t) => t.metrics?.samples],
    ['classes', 'Classes.', (t) => t.metrics?.classes.length],
    ['adapter_bytes', 'Size of the adapter.', (t) => t.metrics?.adapterBytes],
    ['closed', '1 when the task is closed for good.', (t) => t.metrics && Number(t.metrics.closed)],
  ];
  return readings.map(([name, help, read]) => ({
    name: `lichen_task_${name}`,
    type: 'gauge',
    help,
    samples: tasks.flatMap((task) => {
      const value = read(task);
      return typeof value === 'number' ? [{ labels: { device: task.device, task: task.task }, value }] : [];
    }),
  }));
}

/** What each source of a device has seen and done since the device's program started. */
function sourceMetrics(devices: readonly DeviceView[]): Metric[] {
  const sources = devices.flatMap(({ device, metrics }) =>
    (metrics?.sources ?? []).map((source) => ({ ...source, device })),
  );
  type Source = (typeof sources)[number];
  const labels = ({ device, source, kind }: Source) => ({ device, source, kind });
  const counted: [name: keyof Source & string, help: string][] = [
    ['frames', 'Whole pictures that came.'],
    ['triggered', 'Pictures that a trigger wanted.'],
    ['delivered', 'Pictures that were answered, kept or set aside.'],
    ['duplicates', 'Pictures that showed what the one before did.'],
    ['blurred', 'Pictures that were blurred.'],
    ['dropped', 'Pictures that gave way to newer ones.'],
    ['bad', 'Pictures that were cut short, too large or not decodable.'],
    ['restarts', 'Times that the program or connection ended, stalled or could not begin.'],
  ];
  const counters = counted.map(
    ([name, help]): Metric => ({
      name: `lichen_source_${name}_total`,
      type: 'counter',
      help,
      samples: sources.map((s) => ({ labels: labels(s), value: Number(s[name]) })),
    }),
  );
  const seen: Metric = {
    name: 'lichen_source_last_frame_timestamp_seconds',
    type: 'gauge',
    help: 'When the newest picture came, seconds since 1970.',
    samples: sources.flatMap((s) =>
      s.lastFrameAt === null ? [] : [{ labels: labels(s), value: Date.parse(s.lastFrameAt) / 1000 }],
    ),
  };
  return [...counters, seen];
}

function write({ name, help, type, samples }: Metric): string {
  const lines = samples.map(({ labels, value }) => {
    const pairs = Object.entries(labels).map(([label, text]) => `${label}="${escaped(text)}"`);
    return `${name}${pairs.length === 0 ? '' : `{${pairs.join(',')}}`} ${value}\n`;
  });
  return `# HELP ${name} ${help}\n# TYPE ${name} ${type}\n${lines.join('')}`;
}

function escaped(text: string): string {
  return text.replace(/[\\"\n]/g, (character) => (character === '\n' ? '\\n' : `\\${character}`));
}
