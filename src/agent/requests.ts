import { readFile, stat } from 'node:fs/promises';
import { LichenError, messageOf } from '../errors.js';
import type { Link } from '../link/link.js';
import type { Agent } from './agent.js';
import type { Installed } from './install.js';
import type { TrainedTask } from './train-task.js';

/** Larger files are no pictures that a sensor takes. */
const MAX_FILE_BYTES = 64 * 2 ** 20;

/** Registers what the agent does when it is asked over MQTT. Each answers with plain data. */
export function registerRequests(link: Link, agent: Agent): void {
  link.onRequest('status', () => agent.metrics());

  link.onRequest('train', async ({ task }) => {
    const names = task === undefined ? agent.openTasks() : [task];
    const trained = [];
    const passedOver = [];
    for (const name of names) {
      try {
        trained.push(summaryOf(name, await agent.training.train(name)));
      } catch (error) {
        // One task that cannot be trained yet does not keep the others from it.
        if (names.length === 1 || !(error instanceof LichenError)) throw error;
        passedOver.push({ task: name, reason: error.message });
      }
    }
    return { trained, passedOver };
  });

  link.onRequest('classify', async ({ task, file }) => {
    if (file === undefined) {
      const newest = agent.newestAnswer();
      if (newest) return newest;
      throw new LichenError('classify-no-picture', "no picture has come yet; give a 'file' on the device");
    }
    if (task !== undefined) agent.store.tasks.require(task);
    const bytes = await readPictureFile(file);
    const kept = await agent.intake.deliver({ path: file, bytes, task });
    if (!kept?.answer)
      throw new LichenError('classify-no-answer', `no answer for ${file}: ${agent.whyNot(file)}`);
    return { file, ...kept.answer };
  });

  link.onRequest('rollback', async ({ task }) => {
    return { task, ...(await agent.rollback(task)) };
  });

  link.onRequest('close', async ({ task }) => {
    const digest = await agent.close(task);
    return { task, digest };
  });

  link.onRequest('select', ({ task }) => {
    agent.select(task);
    return { task: task ?? null };
  });

  link.onRequest('install', async ({ pack, task }) => {
    if (pack === undefined) return installedSummary(await agent.packs.installOffered(task!));
    const outcome = await agent.packs.receive(new Uint8Array(Buffer.from(pack, 'base64')));
    return 'offeredAt' in outcome
      ? { ...outcome, offered: true, promoted: false }
      : installedSummary(outcome);
  });
}

/** An installed pack as it is answered. */
function installedSummary({ version, ...outcome }: Installed) {
  return { ...outcome, version: version.number, sha256: version.sha256, digest: version.digest ?? null };
}

/** A trained task as it is answered. */
function summaryOf(task: string, { version, promoted, reason, candidate, instant }: TrainedTask) {
  return {
    task,
    version: version.number,
    promoted,
    reason,
    heldOutAccuracy: candidate.heldOutAccuracy,
    instantAccuracy: instant.heldOutAccuracy,
    trainSamples: candidate.trainSamples,
    adapterBytes: version.adapterBytes,
    digest: version.digest ?? null,
    seconds: candidate.seconds,
  };
}

/** Reads a file that a request names. A device or a pipe would never end, so only plain files are read. */
async function readPictureFile(file: string): Promise<Buffer> {
  const unreadable = (why: string) =>
    new LichenError('picture-unreadable', `cannot read ${file} on the device: ${why}`);
  try {
    const found = await stat(file);
    if (!found.isFile()) throw unreadable('it is no file');
    if (found.size > MAX_FILE_BYTES) {
      throw unreadable(`it has ${found.size} bytes, at most ${MAX_FILE_BYTES} are read`);
    }
    return await readFile(file);
  } catch (error) {
    throw error instanceof LichenError ? error : unreadable(messageOf(error));
  }
}
