import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import { LichenError } from '../errors.js';
import type { Desk } from './desk.js';
import type { Live } from './live.js';
import { parsed } from './parsed.js';

const OWNER = { config: { access: 'owner' } } as const;
const OWNER_PICTURE = { config: { access: 'owner', served: 'page-picture' } } as const;

/** As large as a file of settings may be. */
const MAX_LIST_BYTES = 2 ** 20;

const id = z
  .string()
  .regex(/^[a-zA-Z0-9_-]{1,64}$/, 'expected 1 to 64 of the characters a-z, A-Z, 0-9, _ and -');
const sample = z.string().regex(/^[0-9a-f]{32}$/, 'expected a sample id');
const label = z.string().trim().min(1).max(64);
const labelBody = z.object({ sample, task: id, label });
const recordingBody = z.object({
  source: z.string().min(1).max(256),
  task: id,
  label,
  pictures: z.int().min(1).max(60),
});
const undoBody = z.object({ id: z.int() });
const taskBody = z.object({ task: id });
const activeBody = z.object({ task: id.nullable() });
const settingBody = z.object({ key: z.string().max(256), value: z.string().max(4096) });
const listBody = z.object({
  key: z.string().max(256),
  stamp: z.string().max(64),
  rows: z
    .array(
      z.object({
        from: z.int().min(0).nullable(),
        kind: z.string().max(64).nullish(),
        set: z.record(z.string().max(256), z.string().max(16_384)),
      }),
    )
    .max(1000),
});
const ofSample = z.object({ sample });
const ofTask = z.object({ task: id });
const pictureQuery = z.object({ size: z.enum(['small', 'large']).default('large') });

/** The routes of the device's page, all of its owner's; what they take and answer is in api.ts. */
export function pageRoutes(server: FastifyInstance, desk: Desk, live: Live): void {
  const { teacher } = desk;

  server.get('/api/overview', OWNER, () => desk.overview());
  server.get('/api/live', OWNER, (_, reply) => {
    reply.hijack();
    live.serve(reply.raw);
  });
  server.get('/api/pictures/:sample', OWNER_PICTURE, async (request, reply) => {
    const { size } = parsed(pictureQuery, request.query);
    const picture = await desk.picture(parsed(ofSample, request.params).sample, size);
    if (!picture) throw new LichenError('picture-gone', 'The device does not hold this picture any more.');
    // What a sample id names never changes; it stays in the browser's memory of this session only.
    return reply.headers({ 'cache-control': 'private, max-age=3600' }).type('image/jpeg').send(picture);
  });

  server.get('/api/queue', OWNER, () => desk.queue());
  server.post('/api/labels', OWNER, (request) => {
    const { sample, task, label } = parsed(labelBody, request.body);
    return teacher.label(sample, task, label);
  });
  server.post('/api/queue/:sample/skip', OWNER, async (request) => ({
    undo: await teacher.settle(parsed(ofSample, request.params).sample, 'skipped'),
  }));
  server.post('/api/queue/:sample/bad', OWNER, async (request) => ({
    undo: await teacher.settle(parsed(ofSample, request.params).sample, 'bad'),
  }));
  server.delete('/api/samples/:sample', OWNER, async (request) => ({
    undo: await teacher.remove(parsed(ofSample, request.params).sample),
  }));
  server.post('/api/undo', OWNER, async (request) => {
    await teacher.undo(parsed(undoBody, request.body).id);
    return { undo: teacher.undoable ?? null };
  });
  server.post('/api/recording', OWNER, (request) => teacher.record(parsed(recordingBody, request.body)));
  server.delete('/api/recording', OWNER, (_, reply) => {
    teacher.stopRecording();
    return reply.status(204).send();
  });

  server.post('/api/active', OWNER, (request, reply) => {
    desk.select(parsed(activeBody, request.body).task);
    return reply.status(204).send();
  });
  server.post('/api/tasks', OWNER, (request) => {
    const { task } = parsed(taskBody, request.body);
    desk.createTask(task);
    return desk.task(task);
  });
  server.get('/api/tasks/:task', OWNER, (request) => desk.task(parsed(ofTask, request.params).task));
  server.post('/api/tasks/:task/train', OWNER, (request, reply) => {
    desk.train(parsed(ofTask, request.params).task);
    return reply.status(202).send({});
  });
  server.post('/api/tasks/:task/study', OWNER, (request, reply) => {
    desk.study(parsed(ofTask, request.params).task);
    return reply.status(202).send({});
  });
  server.post('/api/tasks/:task/rollback', OWNER, (request) =>
    desk.rollback(parsed(ofTask, request.params).task),
  );
  server.post('/api/tasks/:task/close', OWNER, async (request) => {
    const { task } = parsed(ofTask, request.params);
    await desk.close(task);
    return desk.task(task);
  });

  server.get('/api/privacy', OWNER, () => desk.privacy());
  server.get('/api/settings', OWNER, () => desk.settings());
  server.put('/api/settings', OWNER, (request) => {
    const { key, value } = parsed(settingBody, request.body);
    return desk.set(key, value);
  });
  server.put('/api/settings/list', { ...OWNER, bodyLimit: MAX_LIST_BYTES }, (request) =>
    desk.setList(parsed(listBody, request.body)),
  );
}
