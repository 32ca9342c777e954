import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import { byteSize } from '../config/units.js';
import { LichenError } from '../errors.js';
import { id, name, task } from './common-config.js';
import type { CaptureContext } from './context.js';
import { Counters, type SourceStatus } from './counters.js';
import type { Kept, Sink, Source } from './source.js';

/** Pictures that are posted to the device. */
export const httpPostSchema = z.strictObject({
  kind: z
    .literal('http-post')
    .describe("What kind of source it is: pictures posted to the device's HTTP server at /pictures/<name>."),
  name,
  task,
  maxBytes: byteSize(1024)
    .default(8 * 2 ** 20)
    .describe('Larger pictures are refused; size such as 8 MiB.'),
  teach: z
    .boolean()
    .default(true)
    .describe('Whether a picture may come with a label (?label=...), and is then learned and not answered.'),
});
export type HttpPostConfig = z.infer<typeof httpPostSchema>;

/** Requests that are worked on at once; more are asked to come again. */
const MAX_AT_ONCE = 16;

const querySchema = z.object({ task: id.optional(), label: z.string().min(1).max(256).optional() });

/**
 * POST /pictures/<name>: the body is the picture, the answer says what it shows. With ?label= it is kept as a labelled
 * sample of ?task=, of the source's task, or of the one that labels of the source go to which name none.
 */
export class HttpPost implements Source {
  private readonly config: HttpPostConfig;
  private readonly counters: Counters;
  private readonly active = new Set<Promise<unknown>>();
  private readonly taskOfLabels: CaptureContext['taskOfLabels'];
  private sink: Sink | undefined;

  /** Registers its route; the server is not to listen yet. */
  constructor(
    config: HttpPostConfig,
    name: string,
    server: FastifyInstance,
    taskOfLabels: CaptureContext['taskOfLabels'],
  ) {
    this.config = config;
    this.taskOfLabels = taskOfLabels;
    this.counters = new Counters(name, config.kind);
    server.register(async (scope) => {
      scope.removeAllContentTypeParsers();
      // Whatever type is given: what a picture is, its bytes say.
      scope.addContentTypeParser('*', { parseAs: 'buffer', bodyLimit: config.maxBytes }, (_, body, done) =>
        done(null, body),
      );
      scope.post(`/pictures/${name}`, { bodyLimit: config.maxBytes }, async (request, reply) => {
        const { status, ...answer } = await this.receive(request.body, request.query);
        return reply.status(status).send(answer);
      });
    });
  }

  async start(sink: Sink): Promise<void> {
    this.sink = sink;
  }

  async stop(): Promise<void> {
    this.sink = undefined;
    await Promise.allSettled(this.active);
  }

  status(): SourceStatus {
    return this.counters.get();
  }

  private async receive(
    body: unknown,
    query: unknown,
  ): Promise<{ status: number; [field: string]: unknown }> {
    const { sink, counters, active } = this;
    if (!Buffer.isBuffer(body) || body.length === 0) {
      throw new LichenError('body-invalid', 'the body is empty; expected the bytes of a picture');
    }
    if (!sink || active.size >= MAX_AT_ONCE) {
      counters.add('dropped');
      return {
        status: 503,
        error: { code: 'busy', message: 'the device is busy; post the picture again later' },
      };
    }
    counters.add('frames');
    counters.add('triggered');
    const work = this.deliver(sink, body, this.meaningOf(query));
    active.add(work);
    try {
      return await work;
    } finally {
      active.delete(work);
    }
  }

  private async deliver(sink: Sink, bytes: Buffer, meaning: { task?: string; label?: string }) {
    const kept: Kept | undefined = await sink({ path: this.counters.name, bytes, ...meaning }).catch(
      (error) => {
        this.counters.failed(String(error));
        throw error;
      },
    );
    if (!kept) {
      this.counters.add('bad');
      const message =
        "the picture or its label was not taken; the device's event `picture-set-aside` says why";
      return { status: 422, error: { code: 'picture-set-aside', message } };
    }
    this.counters.add('delivered');
    // Without an answer, nothing was learned yet that could be said.
    return {
      status: 200,
      sample: kept.sample,
      ...(meaning.label === undefined && { answer: kept.answer ?? null }),
    };
  }

  private meaningOf(query: unknown): { task?: string; label?: string } {
    const parsed = querySchema.safeParse(query);
    if (!parsed.success) {
      const [issue] = parsed.error.issues;
      throw new LichenError('query-invalid', `?${issue?.path.join('.')}: ${issue?.message}`);
    }
    const { label, task = this.config.task } = parsed.data;
    if (label === undefined) return { task };
    if (!this.config.teach) {
      throw new LichenError('teaching-off', 'this source takes no labels: `teach` is false in its settings');
    }
    const found = task ?? this.taskOfLabels(this.counters.name);
    if (found === undefined) {
      throw new LichenError(
        'task-missing',
        "a label needs a task: ?task=..., `task` in the source's settings, or one that is chosen on the device's page",
      );
    }
    return { task: found, label };
  }
}
