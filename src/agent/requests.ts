import { readFile } from 'node:fs/promises';
import { LichenError, messageOf } from '../errors.js';
import type { Link } from '../link/link.js';
import type { Agent } from './agent.js';

/** Registers what the agent does when it is asked over MQTT. Each answers with plain data. */
export function registerRequests(link: Link, agent: Agent): void {
  link.onRequest('status', () => agent.metrics());

  link.onRequest('train', async ({ task }) => {
    const names = task === undefined ? agent.openTasks() : [task];
    const trained = [];
    for (const name of names) {
      const { version, promoted, reason, candidate, instant } = await agent.training.train(name);
      trained.push({
        task: name,
        version: version.number,
        promoted,
        reason,
        heldOutAccuracy: candidate.heldOutAccuracy,
        instantAccuracy: instant.heldOutAccuracy,
        trainSamples: candidate.trainSamples,
        adapterBytes: version.adapterBytes,
        digest: version.digest ?? null,
        seconds: candidate.seconds,
      });
    }
    return { trained };
  });

  link.onRequest('classify', async ({ task, file }) => {
    if (file === undefined) {
      const newest = agent.newestAnswer();
      if (newest) return newest;
      throw new LichenError('classify-no-picture', "no picture has come yet; give a 'file' on the device");
    }
    let bytes: Buffer;
    try {
      bytes = await readFile(file);
    } catch (error) {
      throw new LichenError('picture-unreadable', `cannot read ${file} on the device: ${messageOf(error)}`);
    }
    const kept = await agent.intake.deliver({ path: file, bytes, task });
    if (!kept?.answer)
      throw new LichenError('classify-no-answer', `no answer for ${file}: ${agent.whyNot(file)}`);
    return { file, ...kept.answer };
  });

  link.onRequest('rollback', async ({ task }) => {
    const { from, to } = agent.store.versions.rollback(task, 'rolled back on request');
    await agent.runs(task, 'rolled-back', `task '${task}' was rolled back`);
    const number = (id: number | null) => (id === null ? 'instant' : agent.store.versions.require(id).number);
    return { task, from: number(from), to: number(to) };
  });

  link.onRequest('close', async ({ task }) => {
    const digest = await agent.close(task);
    return { task, digest };
  });

  link.onRequest('install', async ({ pack }) => {
    const installed = await agent.install(new Uint8Array(Buffer.from(pack, 'base64')));
    const { version, ...outcome } = installed;
    return { ...outcome, version: version.number, sha256: version.sha256, digest: version.digest ?? null };
  });
}
