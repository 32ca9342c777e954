import { copyFileSync, existsSync } from 'node:fs';
import type { HubClient } from '../cli/hub-client.js';
import type { Say, Step } from '../cli/progress.js';
import { bar } from '../cli/progress.js';
import { LichenError } from '../errors.js';
import type { MetricsBody } from '../link/schemas.js';
import { openStore } from '../store/store.js';
import {
  type DemoFolder,
  type DemoTask,
  freePort,
  freePorts,
  type Ports,
  TASKS,
  type TestPicture,
} from './folder.js';
import { type Program, run, startAgent, startHub, until } from './programs.js';
import { Recorder } from './recorder.js';
import type { AccuracyRow, Answered, DemoResult, StageResult } from './result.js';

/** Pictures that are shown while the broker is away. */
const SHOWN_IN_OUTAGE = 20;
/** Requests that are under way at once. */
const ASKED_AT_ONCE = 16;

export interface DemoOptions {
  folder: DemoFolder;
  /** Share of the pictures that is used; 1 is all. */
  fraction: number;
  /** Write all traffic between devices and hub to this folder. */
  record: boolean;
}

/** What the story's steps share. */
export interface DemoState {
  ports: Ports;
  hub?: { program: Program; client: HubClient };
  cam1?: Program;
  cam2?: Program;
  recorders: Recorder[];
  pictures: Map<string, { train: TestPicture[]; test: TestPicture[] }>;
  result: DemoResult;
}

/** The demo as steps: each does something that a user can do by hand with the same commands. */
export function storySteps(options: DemoOptions): Step<DemoState>[] {
  const { folder } = options;
  return [
    { title: 'Starting hub and first device', run: (s) => start(options, s) },
    ...TASKS.flatMap((task): Step<DemoState>[] => [
      {
        title: `Task '${task.title}': showing ${task.night ? 'dimmed, noisy, turned' : 'labelled'} pictures`,
        run: (s, say) => (task.night ? showInOutage(options, s, task, say) : show(options, s, task, say)),
      },
      {
        title: `Task '${task.title}': ${task.isolation === 'pnn' ? 'growing a column' : 'learning a mask'}`,
        run: (s, say) => learn(options, s, task, say),
      },
      {
        title: `After '${task.title}': measuring every task so far`,
        run: (s, say) => measure(options, s, task, say),
      },
    ]),
    { title: 'A second device gets the tops as a pack', run: (s, say) => sendPack(folder, s, say) },
    { title: 'Verifying every task, bit by bit', run: (s) => verify(folder, s) },
  ];
}

async function start({ folder, fraction, record }: DemoOptions, s: DemoState): Promise<void> {
  folder.prepare();
  s.ports = await freePorts();
  // Devices reach the broker through the recorder where there is one.
  const mqttPort = record ? await freePort() : s.ports.mqtt;
  folder.writeConfigs(s.ports, mqttPort);
  if (record) s.recorders.push(await Recorder.start(mqttPort, s.ports.mqtt, folder.at('mqtt.traffic')));
  const httpPort = record ? await freePort() : s.ports.http;
  if (record) s.recorders.push(await Recorder.start(httpPort, s.ports.http, folder.at('http.traffic')));
  s.hub = await startHub(folder, httpPort);
  s.result.page = `http://127.0.0.1:${s.ports.http}/`;
  s.cam1 = await startAgent(folder, 'cam1', s.hub.client);
  for (const task of TASKS) s.pictures.set(task.name, await folder.makePictures(task, fraction));
}

async function show({ folder }: DemoOptions, s: DemoState, task: DemoTask, say: Say): Promise<void> {
  const { train, test } = s.pictures.get(task.name)!;
  const began = performance.now();
  folder.label(task.name, train);
  await untilTakenIn(folder, s, task.name, train.length, say);
  const stage = stageOf(s, task);
  stage.takeInSeconds = seconds(began);
  stage.samples = train.length;
  stage.instantAccuracy = share(await ask(s, 'cam1', task.name, test, say));
}

/** The night shift's pictures come while the broker is away; so do some pictures that are only to be answered. */
async function showInOutage({ folder }: DemoOptions, s: DemoState, task: DemoTask, say: Say): Promise<void> {
  const { train, test } = s.pictures.get(task.name)!;
  const shown = s.pictures
    .get('tops')!
    .test.filter((_, i) => i % 7 === 0)
    .slice(0, SHOWN_IN_OUTAGE);
  await s.hub!.program.stop();
  const began = performance.now();
  folder.label(task.name, train);
  for (const [i, { file }] of shown.entries()) copyFileSync(file, folder.at('camera', `outage-${i}.png`));
  // No hub to ask: what waits in the device's outbox tells how far it is.
  await until(async () => {
    const { results, samples } = inspectStore(folder, task.name);
    say(`broker away: ${results} of ${shown.length} reports wait on the device's disk`);
    return results >= shown.length && samples >= train.length ? true : undefined;
  }, [s.cam1!]);
  const stage = stageOf(s, task);
  stage.takeInSeconds = seconds(began);
  stage.samples = train.length;
  s.hub = await startHub(folder, portOf(s));
  const names = new Set(shown.map((_, i) => folder.at('camera', `outage-${i}.png`)));
  const arrived = await until(async () => {
    const device = await s.hub!.client.device('cam1');
    const results = (device?.results.tops ?? []).filter((r) => names.has(r.source));
    say(`broker back: ${results.length} of ${shown.length} reports arrived`);
    return results.length >= shown.length ? { device: device!, results } : undefined;
  }, [s.cam1!, s.hub.program]);
  s.result.outage = {
    reportsWhileAway: shown.length,
    arrived: arrived.results.length,
    distinct: new Set(arrived.results.map((r) => r.sample)).size,
    dropped: arrived.device.metrics?.outbox.dropped ?? 0,
  };
  stage.instantAccuracy = share(await ask(s, 'cam1', task.name, test, say));
}

async function learn({ folder }: DemoOptions, s: DemoState, task: DemoTask, say: Say): Promise<void> {
  const stage = stageOf(s, task);
  if (task.name === 'shoes-and-bags') await killWhileTraining(folder, s, task, say);
  const began = performance.now();
  const training = s.hub!.client.request<{ trained: Omit<StageResult['training'], 'wallSeconds'>[] }>(
    'cam1',
    'train',
    { task: task.name },
  );
  const watching = watchTraining(s, say);
  const { trained } = await training;
  watching.stop();
  stage.training = { ...trained[0]!, wallSeconds: seconds(began) };
}

/** A power failure in the middle of a training: nothing that was acknowledged may be lost. */
async function killWhileTraining(folder: DemoFolder, s: DemoState, task: DemoTask, say: Say): Promise<void> {
  const client = s.hub!.client;
  const before = await client.request<MetricsBody>('cam1', 'status');
  void client.request('cam1', 'train', { task: task.name }).catch(() => {});
  await until(async () => {
    const status = await client.request<MetricsBody>('cam1', 'status');
    return status.training && status.training.epoch >= 2 ? true : undefined;
  }, [s.cam1!]);
  await s.cam1!.kill();
  say('the device was killed in the middle of its training');
  s.cam1 = await startAgent(folder, 'cam1', client);
  const after = await client.request<MetricsBody>('cam1', 'status');
  const samples = (m: MetricsBody) => m.tasks.reduce((n, t) => n + t.samples, 0);
  s.result.crash = {
    samplesBefore: samples(before),
    samplesAfter: samples(after),
    tasksBefore: before.tasks.map((t) => `${t.task}@${t.current}`),
    tasksAfter: after.tasks.map((t) => `${t.task}@${t.current}`),
  };
  if (s.result.crash.samplesAfter !== s.result.crash.samplesBefore) {
    throw new LichenError('demo-lost-samples', `samples were lost: ${JSON.stringify(s.result.crash)}`);
  }
}

async function measure({ folder }: DemoOptions, s: DemoState, task: DemoTask, say: Say): Promise<void> {
  const stage = stageOf(s, task);
  for (const past of TASKS.slice(0, TASKS.indexOf(task) + 1)) {
    const answered = await ask(s, 'cam1', past.name, s.pictures.get(past.name)!.test, say);
    stage.accuracy.push({ task: past.name, accuracy: share(answered), samples: answered.length });
    s.result.answers[past.name] = answered;
  }
  const { digest } = await s.hub!.client.request<{ digest: string | null }>('cam1', 'close', {
    task: task.name,
  });
  stage.digest = digest;
  const checked = await run<{ ok: boolean; versions: { task: string; digest: string; current: boolean }[] }>(
    folder,
    ['verify', '--store', folder.at('cam1')],
  );
  stage.verified = checked.ok;
  stage.digests = Object.fromEntries(
    checked.versions.filter((v) => v.current).map((v) => [v.task, v.digest]),
  );
  const metrics = await s.hub!.client.request<MetricsBody>('cam1', 'status');
  stage.replay = metrics.replay;
  stage.peakRssBytes = metrics.peakRssBytes;
  s.result.backboneBytes = metrics.backboneBytes;
}

async function sendPack(folder: DemoFolder, s: DemoState, say: Say): Promise<void> {
  const client = s.hub!.client;
  const key = folder.at('signing-key.pem');
  const args = [
    'pack',
    '--task',
    'tops',
    '--store',
    folder.at('cam1'),
    '--key',
    key,
    '--out',
    folder.at('tops.lichenpack'),
  ];
  const made = await run<{ bytes: number; signer: string; version: number }>(folder, args);
  s.cam2 = await startAgent(folder, 'cam2', client);
  const url = `http://127.0.0.1:${portOf(s)}`;
  const sent = await run<{ installed: { device: string; outcome: string; installed: boolean }[] }>(folder, [
    ...args,
    '--publish',
    url,
    '--to',
    'cam2',
  ]);
  const outcome = sent.installed[0]!;
  if (!outcome.installed)
    throw new LichenError('demo-pack', `cam2 did not install the pack: ${outcome.outcome}`);
  const answered = await ask(s, 'cam2', 'tops', s.pictures.get('tops')!.test, say);
  const first = s.result.stages[0]!.accuracy[0]!.accuracy;
  s.result.pack = {
    ...made,
    accuracyOnFirst: first,
    accuracyOnSecond: share(answered),
    samples: answered.length,
  };
}

async function verify(folder: DemoFolder, s: DemoState): Promise<void> {
  const checked = await run<{ ok: boolean }>(folder, ['verify', '--store', folder.at('cam1')]);
  const [first, ...later] = s.result.stages;
  const kept = later.every((stage) => stage.digests[first!.task] === first!.digests[first!.task]);
  s.result.nothingForgotten = checked.ok && kept;
  s.result.device = await s.hub!.client.device('cam1');
  s.result.versions = await run(folder, ['tasks', '--store', folder.at('cam1')]);
  s.result.trafficBytes = s.recorders.length > 0 ? s.recorders.reduce((n, r) => n + r.bytes, 0) : null;
}

/** Has a device answer test pictures of a task, several at once. */
async function ask(
  s: DemoState,
  device: string,
  task: string,
  test: readonly TestPicture[],
  say: Say,
): Promise<Answered[]> {
  const answered: Answered[] = new Array(test.length);
  let next = 0;
  let done = 0;
  const worker = async () => {
    for (let i = next++; i < test.length; i = next++) {
      const { file, label } = test[i]!;
      const answer = await s.hub!.client.request<{ label: string; probability: number }>(device, 'classify', {
        task,
        file,
      });
      answered[i] = { file, truth: label, label: answer.label, probability: answer.probability };
      say(`${device}, ${task}: ${bar(++done, test.length)}`);
    }
  };
  await Promise.all(Array.from({ length: ASKED_AT_ONCE }, worker));
  return answered;
}

/** Waits until the device has acknowledged every picture of a task. */
async function untilTakenIn(
  folder: DemoFolder,
  s: DemoState,
  task: string,
  count: number,
  say: Say,
): Promise<void> {
  await until(async () => {
    const { samples } = inspectStore(folder, task);
    say(`taken in ${bar(samples, count)}`);
    return samples >= count ? true : undefined;
  }, [s.cam1!, s.hub!.program]);
}

/** Shows the progress of a training until it is stopped. */
function watchTraining(s: DemoState, say: Say): { stop(): void } {
  let on = true;
  const loop = async () => {
    while (on) {
      const { training } = await s.hub!.client.request<MetricsBody>('cam1', 'status');
      if (training) say(`epoch ${bar(training.epoch, training.epochs)}, loss ${training.loss.toFixed(3)}`);
      await new Promise((resolve) => setTimeout(resolve, 500));
    }
  };
  loop().catch(() => {});
  return {
    stop: () => {
      on = false;
    },
  };
}

/** What a device's store holds, read beside the running daemon. */
function inspectStore(folder: DemoFolder, task: string): { results: number; samples: number } {
  if (!existsSync(folder.at('cam1'))) return { results: 0, samples: 0 };
  const store = openStore(folder.at('cam1'), { readOnly: true });
  try {
    const count = (sql: string, ...values: string[]) =>
      store.database.prepare<{ n: number }>(sql).get(...values)!.n;
    return {
      results: count('SELECT count(*) AS n FROM outbox WHERE topic LIKE ?', '%/result/%'),
      samples: count('SELECT count(*) AS n FROM seen WHERE path LIKE ?', `${folder.at('inbox', task)}/%`),
    };
  } finally {
    store.close();
  }
}

function stageOf(s: DemoState, task: DemoTask): StageResult {
  let stage = s.result.stages.find((r) => r.task === task.name);
  if (!stage) {
    stage = {
      task: task.name,
      title: task.title,
      isolation: task.isolation,
      samples: 0,
      takeInSeconds: 0,
      instantAccuracy: 0,
      training: undefined as never,
      accuracy: [] as AccuracyRow[],
      digest: null,
      digests: {},
      verified: false,
      replay: { capBytes: 0, usedBytes: 0, samples: 0 },
      peakRssBytes: 0,
    };
    s.result.stages.push(stage);
  }
  return stage;
}

const portOf = (s: DemoState): number => Number(new URL(s.hub!.client.address).port);
const share = (a: readonly Answered[]): number => a.filter((x) => x.label === x.truth).length / a.length;
const seconds = (began: number): number => Math.round((performance.now() - began) / 10) / 100;
