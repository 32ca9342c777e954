import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { freePorts } from '../../src/demo/folder.js';
import type { TaskDetail } from '../../src/label/api.js';
import { Chromium, chromium } from '../hub/chromium.js';
import { kinds } from './kinds.js';
import { Running } from './programs.js';

const PASSWORD = 'lichen on the shed';
const { task, labels, of } = kinds();
const EACH = 20;

let folder: string;
let agent: Running;
let browser: Chromium;

beforeEach(async (context) => {
  if (!chromium.runs && process.env.CI === undefined) context.skip(chromium.reason);
  folder = mkdtempSync(join(tmpdir(), 'lichen-training-'));
  for (const name of ['taught', 'passing']) mkdirSync(join(folder, name));
  const ports = await freePorts();
  agent = new Running('agent', join(folder, 'agent.yaml'), {
    device: { id: 'shed' },
    store: join(folder, 'store'),
    mqtt: { url: `mqtt://127.0.0.1:${ports.mqtt}` },
    http: { port: ports.http },
    sources: [
      {
        kind: 'directory',
        name: 'taught',
        path: join(folder, 'taught'),
        layout: 'class',
        task,
        settle: '50 ms',
      },
      { kind: 'directory', name: 'passing', path: join(folder, 'passing'), settle: '50 ms' },
    ],
    // With nothing held out there is nothing to compare by: what was trained is what answers.
    learn: { newLabels: 3 * EACH, epochs: 3, heldOut: 0 },
    guards: { minFreeMemory: '1 MiB', onBattery: true },
  });
  await agent.logged('HTTP server listens');
  browser = await Chromium.open(`http://127.0.0.1:${ports.http}/`, { width: 390, height: 844 });
});
afterEach(async ({ task: { result } }) => {
  if (result?.state === 'fail') {
    const shown = await browser?.evaluate('location.hash + " " + document.body.innerText.slice(0, 3000)');
    console.log(`waited for ${browser?.awaited}\nthe page: ${shown}\nthe agent: ${agent?.log.slice(-2000)}`);
  }
  await browser?.close();
  if (agent?.alive) await agent.kill();
  rmSync(folder, { recursive: true, force: true });
});

const id = (name: string) => `[data-testid="${name}"]`;

/** Labelled pictures come into the watched folder. */
function teach(label: string, pictures: readonly Buffer[], name = label): void {
  mkdirSync(join(folder, 'taught', label), { recursive: true });
  for (const [i, bytes] of pictures.entries()) {
    writeFileSync(join(folder, 'taught', label, `${name}-${i}.png`), bytes);
  }
}

const detail = async () =>
  (await browser.evaluate(`fetch('/api/tasks/${task}').then((r) => r.json())`)) as TaskDetail;
/** Labels of each class, in the order of `labels`. */
const counts = async () => {
  const { classes } = await detail();
  return labels.flatMap((label) => classes.find((c) => c.label === label)?.samples ?? []);
};
/** Waits until the page says that a version is the one that answers. */
const answers = (version: number) =>
  browser.until(
    `document.querySelector('${id(`version-${version}`)}')?.classList.contains('current') === true`,
  );

it('twenty labels a class and some idle seconds are a trained mask; a doubted label is corrected by a tap, and a version rolled back', async () => {
  await browser.type(id('first-password'), PASSWORD);
  await browser.type(id('first-again'), PASSWORD);
  await browser.click(id('first-submit'));
  await browser.until(`document.querySelector('${id('tab-tasks')}') !== null`);

  // Sixty labels, one of them wrong; nobody asks for a training.
  for (const [i, label] of labels.slice(0, 3).entries())
    teach(label, of(i).slice(0, EACH - (i === 0 ? 1 : 0)));
  teach(labels[0], of(1).slice(EACH, EACH + 1), 'wrong');
  await browser.until(`fetch('/api/overview').then((r) => r.json()).then((o) => o.tasks[0]?.samples === 60)`);
  await browser.evaluate(`location.hash = '#/tasks/${task}'`);
  await answers(1);

  // The device finds what was labelled wrongly.
  await browser.click(id('study-start'));
  await browser.click(id('doubt-correct'));
  while (String(await counts()) === '20,20,20') await new Promise((next) => setTimeout(next, 50));
  expect(await counts()).toEqual([19, 21, 20]);

  // Another training, and back from it.
  await browser.click(id('train'));
  await answers(2);
  await browser.click(id('rollback'));
  await browser.click(id('confirm-yes'));
  await answers(1);
  const { current, versions } = await detail();
  expect(current).toBe(1);
  expect(versions.map(({ number, isolation }) => [number, isolation])).toEqual([
    [2, 'piggyback'],
    [1, 'piggyback'],
  ]);
  expect(browser.complaints).toEqual([]);
});

it('a question is answered by keyboard alone, from the first password on', async () => {
  await browser.until(`document.querySelector('${id('first-password')}') !== null`);
  await browser.tabTo(id('first-password'));
  await browser.write(PASSWORD);
  await browser.tabTo(id('first-again'));
  await browser.write(PASSWORD);
  await browser.tabTo(id('first-submit'));
  await browser.press('Enter');
  await browser.until(`document.querySelector('${id('tab-questions')}') !== null`);

  for (const i of [0, 1]) teach(labels[i]!, of(i).slice(0, 5));
  await browser.until(`fetch('/api/overview').then((r) => r.json()).then((o) => o.tasks[0]?.samples === 10)`);
  for (const [i, bytes] of of(2).slice(0, 4).entries())
    writeFileSync(join(folder, 'passing', `${i}.png`), bytes);
  await browser.until(`fetch('/api/queue').then((r) => r.json()).then((q) => q.cards.length > 1)`);

  await browser.tabTo(id('tab-questions'));
  await browser.press('Enter');
  await browser.until(`document.querySelector('${id('card')}') !== null`);
  const card = `document.querySelector('${id('card')}')?.dataset.sample`;
  const first = await browser.evaluate(card);
  // The class, with Space.
  await browser.tabTo(id(`class-${labels[1]}`));
  await browser.press(' ');
  await browser.until(`${card} !== '${first}'`);
  while ((await detail()).samples !== 11) await new Promise((next) => setTimeout(next, 50));
  expect(await counts()).toEqual([5, 6]);
  // Back, with Enter.
  await browser.tabTo(id('undo'));
  await browser.press('Enter');
  while ((await detail()).samples !== 10) await new Promise((next) => setTimeout(next, 50));
  expect(browser.complaints).toEqual([]);
});
