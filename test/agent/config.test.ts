import { writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { agentConfigSchema } from '../../src/agent/config.js';
import { methodOf, methodSettings } from '../../src/agent/learn-config.js';
import { describeConfig } from '../../src/config/describe.js';
import { loadConfig } from '../../src/config/load.js';
import { LichenError } from '../../src/errors.js';
import { methodName } from '../../src/learn/device-method.js';
import { SHARED_SETTINGS } from '../../src/learn/sequence/kept-learner.js';
import { scratchFolder } from '../store/scratch.js';

const scratch = scratchFolder();

function load(yaml: string, env: NodeJS.ProcessEnv = {}) {
  const file = scratch.path('agent.yaml');
  writeFileSync(file, yaml);
  return loadConfig(agentConfigSchema, file, { env });
}

function refusal(yaml: string, env: NodeJS.ProcessEnv = {}): string {
  try {
    load(yaml, env);
  } catch (error) {
    if (error instanceof LichenError && error.code === 'config-invalid') return error.message;
    throw error;
  }
  throw new Error('it was accepted');
}

describe('defaults', () => {
  it('stand without a file, and in an empty one', () => {
    const config = load('');
    expect(config).toEqual(loadConfig(agentConfigSchema, undefined, { env: {} }));
    expect(config.device.id).toMatch(/^[a-zA-Z0-9_-]{1,64}$/);
    expect(config).toMatchObject({
      profile: 'auto',
      store: '/var/lib/lichen',
      sources: [],
      learn: { isolation: 'piggyback', heldOut: 0.2, newLabels: 20 },
      schedule: { train: '0 3 * * *' },
      replay: { cap: 16 * 2 ** 20 },
      mqtt: { url: 'mqtt://127.0.0.1:1883', protocol: 4 },
      packs: { trustedKeys: [] },
    });
  });

  it('are what --print-config prints', () => {
    const printed = describeConfig(agentConfigSchema);
    expect(load(printed)).toEqual(load(''));
    for (const key of ['newLabels', 'maxTemperature', 'trustedKeys', 'timezone'])
      expect(printed).toContain(key);
  });
});

it('reads every kind of setting', () => {
  const config = load(`
device: { id: cam-1 }
sources:
  - { kind: directory, path: /in, layout: task/class, settle: 2 s }
  - { kind: directory, path: /flat }
tasks: { night: { isolation: pnn, epochs: 3 } }
replay: { cap: 3 MiB }
memory: { cap: 300 MiB }
schedule: { train: '', timezone: Europe/Berlin }
mqtt: { url: 'mqtts://hub.example:8883', protocol: 5, username: u, password: p, outboxCap: 100 kB }
guards: { maxTemperature: 60.5, minFreeMemory: 0, onBattery: true }
`);
  expect(config.sources).toMatchObject([
    { layout: 'task/class', settle: 2000 },
    { layout: 'flat', settle: 500 },
  ]);
  expect(config.tasks).toEqual({ night: { isolation: 'pnn', epochs: 3 } });
  expect(config.replay.cap).toBe(3 * 2 ** 20);
  expect(config.memory.cap).toBe(300 * 2 ** 20);
  expect(config.mqtt).toMatchObject({ protocol: 5, outboxCap: 100_000 });
  expect(config.guards).toMatchObject({ maxTemperature: 60.5, minFreeMemory: 0, onBattery: true });
});

describe('what is wrong is named: line, key, value, and what is allowed', () => {
  it.each([
    ['devise: { id: a }', /line 1: 'devise' is not a setting; did you mean 'device'\?/],
    ['device: { id: "a b" }', /line 1: 'device.id' is "a b"; .*a-z, A-Z, 0-9, _ and -/],
    ['device: { id: a/b }', /'device.id' is "a\/b"/],
    ['device: { id: "" }', /'device.id' is ""/],
    ['learn:\n  epochs: 0', /line 2: 'learn.epochs' is 0; .*>=1/],
    ['learn:\n  epochs: ten', /line 2: 'learn.epochs' is "ten"; .*expected (number|int)/],
    ['learn: { heldOut: 0.95 }', /'learn.heldOut' is 0.95; .*<=0.9/],
    ['learn: { isolation: magic }', /'learn.isolation' is "magic"; .*"piggyback"\|"pnn"/],
    ['learn: { epoch: 3 }', /'learn.epoch' is not a setting; did you mean 'epochs'\?/],
    ['tasks: { "a b": {} }', /tasks/],
    ['tasks: { a: { epoch: 1 } }', /'tasks.a.epoch' is not a setting/],
    ['schedule: { train: at night }', /'schedule.train' is "at night"; expected a cron expression/],
    ['schedule: { train: "99 3 * * *" }', /'schedule.train' is "99 3 \* \* \*"/],
    ['schedule: { timezone: Middle/Earth }', /'schedule.timezone' is "Middle\/Earth"; expected a time zone/],
    ['replay: { cap: 3 furlongs }', /'replay.cap' is "3 furlongs"; .*MiB/],
    ['memory: { cap: a lot }', /'memory.cap' is "a lot"; .*MiB/],
    ['replay: { cap: 10 kB }', /'replay.cap' is "10 kB"/],
    ['mqtt: { url: "http://hub" }', /'mqtt.url' is "http:\/\/hub"; expected mqtt:\/\/host:port/],
    ['mqtt: { protocol: 3 }', /'mqtt.protocol' is 3/],
    ['guards: { onBattery: sometimes }', /'guards.onBattery' is "sometimes"; .*boolean/],
    ['sources: [{ kind: telescope }]', /'sources.0.kind' is "telescope"/],
    [
      'sources: [{ kind: directory, path: /in, layout: class }]',
      /'sources.0.task' is nothing; .*needs a `task`/,
    ],
    ['packs: { trustedKeys: key.pem }', /'packs.trustedKeys' is "key.pem"; .*array/],
    [
      'webhooks: [{ url: "http://me:50%@home/hook" }]',
      /'webhooks.0.url' is .*in user and password, '%' has to be written as %25/,
    ],
    ['mqtt: { url: "mqtt://me:50%@hub" }', /'mqtt.url' is .*'%' has to be written as %25/],
    [
      'sources: [{ kind: mqtt, topic: a, broker: { url: "mqtt://50%:me@hub" } }]',
      /'sources.0.broker.url' is .*'%' has to be written as %25/,
    ],
    [
      'sources: [{ kind: snapshot, url: "http://50%:me@camera/" }]',
      /'sources.0.url' is .*'%' has to be written as %25/,
    ],
    ['log: loud', /'log' is "loud"/],
  ])('%s', (yaml, message) => {
    const said = refusal(yaml);
    expect(said).toMatch(message);
    expect(said).toContain(scratch.path('agent.yaml'));
    expect(said).toContain('--print-config');
  });

  it('all at once', () => {
    const said = refusal('log: loud\nlearn:\n  epochs: -1\nmqqt: {}\n');
    expect(said).toContain('3 settings are wrong');
    expect(said).toMatch(/line 1: 'log' is "loud"/);
    expect(said).toMatch(/line 3: 'learn.epochs' is -1/);
    expect(said).toMatch(/line 4: 'mqqt' is not a setting; did you mean 'mqtt'/);
  });

  it('also where the environment says it', () => {
    expect(load('', { LICHEN_MQTT_URL: 'mqtt://hub:1883' }).mqtt.url).toBe('mqtt://hub:1883');
    expect(refusal('', { LICHEN_LEARN_EPOCHS: 'many' })).toMatch(
      /environment LICHEN_LEARN_EPOCHS: 'learn.epochs' is "many"/,
    );
  });
});

describe('the three axes', () => {
  const methods = (yaml: string, ...tasks: string[]) => {
    const { learn, tasks: own } = load(yaml);
    return tasks.map((task) => methodName(methodOf(learn, own[task])));
  };

  it('are chosen for all tasks, and for single ones', () => {
    expect(methods('', 'any')).toEqual(['piggyback']);
    expect(methods('learn: { isolation: shared }', 'any')).toEqual(['er']);
    expect(methods('learn: { isolation: shared, regularization: ewc, rehearsal: none }', 'any')).toEqual([
      'ewc',
    ]);
    expect(methods('learn: { isolation: cpg }', 'any')).toEqual(['cpg']);
    const mixed = `
learn: { isolation: shared, regularization: ewc, rehearsal: gem }
tasks: { a: { isolation: pnn }, b: { regularization: none }, c: { rehearsal: er }, d: { isolation: den } }
`;
    expect(methods(mixed, 'a', 'b', 'c', 'd', 'other')).toEqual(['pnn', 'gem', 'ewc+er', 'den', 'ewc+gem']);
    // What a shared network is told does not concern masks.
    const one = 'learn: { regularization: vcl }\ntasks: { a: { isolation: shared } }';
    expect(methods(one, 'a', 'other')).toEqual(['vcl+er', 'piggyback']);
  });

  it('have settings, which become those of the methods', () => {
    const { learn } = load(
      'learn: { ewc: { lambda: 7, gamma: 0.9 }, gem: { each: 5 }, recall: 3, rate: 0.001 }',
    );
    expect(methodSettings(learn)).toMatchObject({
      ...{ ewc: { lambda: 7, gamma: 0.9 }, memoryEach: 5, recall: 3 },
    });
    expect(methodSettings(load('').learn).ewc).toEqual(SHARED_SETTINGS.ewc);
  });

  it.each([
    [
      'learn: { regularization: ewc }',
      /line 1: 'learn.regularization' is "ewc"; with isolation 'piggyback' each task/,
    ],
    ['learn: { isolation: cpg, rehearsal: er }', /'learn.rehearsal' is "er"; with isolation 'cpg' each task/],
    ['learn: { rehearsal: gem }', /'learn.rehearsal' is "gem"; .*gem has no earlier task to rehearse/],
    [
      'learn: { isolation: shared, regularization: vcl, rehearsal: gem }',
      /'learn.rehearsal' is "gem"; gem compares gradients/,
    ],
    [
      'learn: { isolation: shared }\ntasks:\n  a: { isolation: pnn, regularization: ewc }',
      /line 3: 'tasks.a.regularization' is "ewc"; with isolation 'pnn'/,
    ],
    [
      'learn: { isolation: shared }\nmemory: { cap: 300 MiB }',
      /line 2: 'memory.cap' is .*; trainings with isolation 'shared' cannot be fitted/,
    ],
    [
      'engine: tfjs\nmemory: { cap: 300 MiB }',
      /line 2: 'memory.cap' is .*engine tfjs: TensorFlow takes memory by rules of its own.*Use the engine ort, or no cap/,
    ],
  ])('that do not go together are named with the reason: %s', (yaml, message) => {
    expect(refusal(yaml)).toMatch(message);
  });
});
