import { randomUUID } from 'node:crypto';
import type { Logger } from 'pino';
import { z } from 'zod';
import { httpAddress } from '../config/address.js';
import { duration } from '../config/units.js';
import type { Ledger } from '../link/ledger.js';
import { CONTRACT_VERSION, type EventBody, type ResultBody } from '../link/schemas.js';
import { placeOf, Webhook, type WebhookStats } from '../link/webhook.js';
import {
  WEBHOOK_KINDS,
  type WebhookBody,
  type WebhookKind,
  webhookBodySchema,
} from '../link/webhook-message.js';
import type { WaitingMessage, WebhookQueue } from '../link/webhook-queue.js';

/** An address that is told by HTTP POST. */
export const webhookSchema = z.strictObject({
  url: httpAddress().describe('Where to post to; user and password may stand in it.'),
  on: z
    .array(z.enum(WEBHOOK_KINDS))
    .min(1)
    .default(['result'])
    .describe(`What it is told of, some of ${WEBHOOK_KINDS.join(', ')}.`),
  secret: z
    .string()
    .min(16, 'expected at least 16 characters, such as `openssl rand -hex 16` gives')
    .optional()
    .describe('Messages are signed with it, by HMAC-SHA256.'),
  task: z.string().min(1).optional().describe('Only what is of this task.'),
  onlyChanges: z
    .boolean()
    .default(true)
    .describe('Whether `result` tells when the smoothed answer changes, or of every answer.'),
  timeout: duration(100)
    .default(10_000)
    .describe('An attempt that takes longer has failed; time such as 10 s.'),
  keep: duration(0)
    .default(600_000)
    .describe('A message that cannot be delivered is tried again until it is so old; time such as 10 min.'),
});
export type WebhookConfig = z.infer<typeof webhookSchema>;

const RETRY = { minMs: 1000, maxMs: 60_000 };

/** Kinds of events, by what an address may ask to be told of. */
const KINDS: Readonly<Record<string, readonly EventKind[]>> = {
  drift: ['drift'],
  promoted: ['trained', 'version'],
  'candidate-kept': ['trained'],
  'training-failed': ['trained'],
  'changed-along': ['version'],
  'rolled-back': ['version'],
  'pack-installed': ['version'],
  'task-closed': ['version'],
  'task-opened': ['task'],
  'source-failed': ['source'],
  'source-works': ['source'],
};
type EventKind = Exclude<WebhookKind, 'result' | 'novel'>;

/** Tells the addresses of the settings what they ask for. It never waits for them. */
export class Webhooks {
  private readonly device: string;
  private readonly hooks: readonly { config: WebhookConfig; hook: Webhook }[];

  /** @param settings `learn.seed` is that of the delays' jitter */
  constructor(
    settings: { webhooks: readonly WebhookConfig[]; device: { id: string }; learn: { seed: number } },
    queue: WebhookQueue,
    ledger: Pick<Ledger, 'add'>,
    log: Logger,
    retry = RETRY,
  ) {
    this.device = settings.device.id;
    const addresses = addressesOf(settings.webhooks);
    const kept = queue.load(addresses);
    this.hooks = settings.webhooks.map((config, i) => {
      const { url, secret, timeout, keep } = config;
      const address = addresses[i]!;
      const waiting = kept.get(address)!;
      const keepWaiting = (message: WaitingMessage) => queue.keep(address, message);
      const done = (id: string) => queue.done(id);
      const place = placeOf(new URL(url));
      const sent = (bytes: number) => ledger.add('webhook', place, bytes);
      const seed = settings.learn.seed + i;
      const storing = { waiting, keepWaiting, done };
      return {
        config,
        hook: new Webhook({ ...{ url, secret, timeout, keep, retry, seed, sent, log }, ...storing }),
      };
    });
  }

  /** Begins to post what waits since before this start of the program. */
  start(): void {
    for (const { hook } of this.hooks) hook.start();
  }

  /** @param changed whether the source's answers over time say something else than before */
  result(result: ResultBody, changed: boolean): void {
    const novel = changed && result.smoothed?.decided === true && result.smoothed.label === null;
    for (const { config, hook } of this.hooks) {
      const { on, task, onlyChanges } = config;
      if (task !== undefined && task !== result.task) continue;
      if (on.includes('result') && (changed || !onlyChanges)) this.post(hook, { kind: 'result', result });
      else if (on.includes('novel') && novel) this.post(hook, { kind: 'novel', result });
    }
  }

  event(event: EventBody): void {
    const kinds = KINDS[event.kind] ?? [];
    for (const { config, hook } of this.hooks) {
      if (config.task !== undefined && config.task !== event.data?.task) continue;
      const kind = kinds.find((k) => config.on.includes(k));
      if (kind) this.post(hook, { kind, event });
    }
  }

  /** What became of the messages of each address, in the order of the settings. */
  stats(): WebhookStats[] {
    return this.hooks.map(({ hook }) => hook.stats());
  }

  async stop(): Promise<void> {
    await Promise.all(this.hooks.map(({ hook }) => hook.stop()));
  }

  private post(hook: Webhook, what: Told): void {
    const id = randomUUID();
    const head = { v: CONTRACT_VERSION, id, device: this.device, at: new Date().toISOString() } as const;
    hook.post(id, JSON.stringify(webhookBodySchema.parse({ ...head, ...what })));
  }
}

/** What waits for an address goes by it; one that is in the settings twice gets both, in their order. */
function addressesOf(webhooks: readonly WebhookConfig[]): string[] {
  return webhooks.map(({ url }, i) => {
    const before = webhooks.slice(0, i).filter((w) => w.url === url).length;
    return `${before} ${url}`;
  });
}

type Body<B extends WebhookBody> = Omit<B, 'v' | 'id' | 'device' | 'at'>;
type Told = Body<Extract<WebhookBody, { result: unknown }>> | Body<Extract<WebhookBody, { event: unknown }>>;
