import { transform } from 'esbuild';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { pageFiles } from '../../src/hub/page/routes.js';
import { adapter, birth, event, metrics, result, sources } from '../link/examples.js';
import { until } from '../link/until.js';
import { Chromium, chromium } from './chromium.js';
import { HubFixture } from './hub-fixture.js';

let hub: HubFixture;
let browser: Chromium | undefined;

beforeEach(async () => {
  hub = new HubFixture();
  await hub.start();
});

afterEach(async () => {
  await browser?.close();
  browser = undefined;
  await hub.remove();
});

describe('the page', () => {
  it('is served whole, with a policy that lets in nothing from elsewhere', async () => {
    for (const [path, { type, text }] of Object.entries(pageFiles)) {
      const response = await fetch(`${hub.url}${path}`);
      expect([path, response.status, response.headers.get('content-type')]).toEqual([path, 200, type]);
      expect(await response.text()).toBe(text);
      const policy = response.headers.get('content-security-policy');
      expect(policy).toContain("default-src 'none'");
      expect(policy).not.toMatch(/unsafe|\*|http|data:/);
      expect(response.headers.get('x-content-type-options')).toBe('nosniff');
    }
  });

  it('refers to nothing but its own files, and its scripts are well-formed', async () => {
    const own = new Set(Object.keys(pageFiles));
    for (const [path, { type, text }] of Object.entries(pageFiles)) {
      const outside = text
        .replaceAll('http://www.w3.org/2000/svg', '')
        .match(/https?:|url\(|@import|\/\/[a-z]+\./g);
      expect([path, outside]).toEqual([path, null]);
      for (const [, target] of text.matchAll(/(?:src|href)="(\/page\/[^"]*)"/g))
        expect(own).toContain(target);
      for (const [, target] of text.matchAll(/from '\.\/([^']*)'/g)) expect(own).toContain(`/page/${target}`);
      if (type.startsWith('text/javascript')) await transform(text, { loader: 'js', format: 'esm' });
    }
    expect(pageFiles['/']?.text).not.toMatch(/style=|<script>|onclick/);
  });
});

describe('the page in a browser', () => {
  beforeEach((context) => {
    if (!chromium.runs) context.skip(chromium.reason);
  });

  it('shows devices, and what changes, without being loaded again', async () => {
    browser = await Chromium.open(hub.url);
    await browser.until("document.body.innerText.includes('No device has reported yet')");
    await browser.evaluate('window.loadedOnce = true');

    const { link } = hub.device('cam-1');
    link.start();
    link.publish('metrics', metrics);
    link.publish('adapter', adapter);
    link.publish('result', result);
    link.publish('event', event(1));
    await browser.until("document.querySelector('.last span')?.innerText === 'shirt 97\\u00a0%'");
    const card = String(await browser.evaluate("document.querySelector('.card').innerText"));
    for (const text of [
      'cam-1',
      'online',
      '92.5\u00a0%',
      '2 classes, 240 samples',
      'version 3',
      'piggyback, 121\u00a0kB',
    ]) {
      expect(card).toContain(text);
    }
    expect(card).toContain('2.26\u00a0MB of 50\u00a0MB');
    expect(card).toContain('121\u00a0kB beside 13.4\u00a0MB of backbone');
    expect(card).toContain('epoch 4 of 10');
    expect(
      await browser.evaluate("document.querySelector('.bar.memory').getAttribute('aria-valuenow')"),
    ).toBe('4.5');
    expect(await browser.evaluate("document.querySelector('.bar.memory .fill').style.width")).toBe('4.512%');
    await browser.until("document.querySelector('#events').innerText.includes('event 1')");

    const { training: _, ...idle } = metrics;
    link.publish('metrics', {
      ...idle,
      tasks: [{ ...metrics.tasks[0]!, accuracyHeldOut: 0.96, closed: true }],
    });
    await browser.until("document.querySelector('.figure').innerText === '96.0\\u00a0%'");
    await browser.until("document.querySelector('.tag')?.innerText === 'closed'");
    await browser.until("document.querySelector('.training') === null");
    await browser.until("document.querySelector('.sparkline') !== null");
    await link.stop();
    await browser.until("document.querySelector('.pill').innerText === 'offline'");
    expect(await browser.evaluate('window.loadedOnce')).toBe(true);
    expect(browser.complaints).toEqual([]);
  });

  it('shows what each source has seen, what is wrong with it, and packs that wait', async () => {
    browser = await Chromium.open(hub.url);
    const { link } = hub.device('cam-1');
    link.start();
    const offer = { task: 'tops', version: 4, sha256: 'ab'.repeat(32), bytes: 9, accuracy: null };
    const offers = [{ ...offer, offeredAt: '2026-11-01T10:00:00.000Z', installing: false }];
    link.publish('metrics', { ...metrics, sources, offers });
    await browser.until("document.querySelectorAll('.sources li').length === 2");
    const lines = String(await browser.evaluate("document.querySelector('.sources').innerText"));
    expect(lines.replace(/\s+/g, ' ')).toContain(
      'door ffmpeg 1,204 pictures \u00b7 87 delivered \u00b7 300 duplicates \u00b7 5 blurred \u00b7 8 dropped \u00b7 2 restarts',
    );
    expect(lines.replace(/\s+/g, ' ')).toContain(
      'inbox directory 1 picture \u00b7 0 delivered \u00b7 1 bad none yet cannot read <b>it</b>',
    );
    // What was wrong with the camera is over.
    expect(await browser.evaluate("document.querySelectorAll('.sources .fails').length")).toBe(1);
    const facts = String(await browser.evaluate("document.querySelector('.facts').innerText"));
    expect(facts).toContain('tops version 4');
    expect(browser.complaints).toEqual([]);
  });

  it('finds its way back when the hub was away', async () => {
    browser = await Chromium.open(hub.url);
    await browser.until("document.querySelector('#live').innerText === 'live'");
    await hub.stopHub();
    await browser.until("document.querySelector('#live').dataset.state === 'lost'");
    await hub.start();
    const { link } = hub.device('cam-1');
    link.start();
    await browser.until("document.querySelector('.pill')?.innerText === 'online'");
    expect(await browser.evaluate("document.querySelector('#live').innerText")).toBe('live');
  });

  it('shows markup and scripts in what devices send as text', async () => {
    const evil = '<img src=x onerror="window.pwned=1"><script>window.pwned=1</script>';
    browser = await Chromium.open(hub.url);
    const { link } = hub.device('cam-1', {
      birth: () => ({ ...birth, profile: evil, capabilities: [evil] }),
    });
    link.start();
    const [tops] = metrics.tasks;
    link.publish('metrics', {
      ...metrics,
      tasks: [{ ...tops!, classes: [evil], isolation: evil.slice(0, 64) }],
    });
    link.publish('result', { ...result, label: evil });
    link.publish('event', { kind: 'x', severity: 'error', message: evil });
    await browser.until("document.querySelector('#events').innerText.includes('onerror')");
    await browser.until("document.querySelector('.last span')?.innerText.includes('onerror') === true");
    await browser.until("document.querySelector('.about').innerText.includes('onerror')");
    expect(await browser.evaluate("document.querySelectorAll('main img, main script').length")).toBe(0);
    expect(await browser.evaluate('window.pwned === undefined')).toBe(true);
    expect(browser.complaints).toEqual([]);
  });

  it('can be used with the keyboard alone, and tells what came of it', async () => {
    const { link } = hub.device('cam-1');
    let finish = (): void => undefined;
    let trained = 0;
    link.onRequest('train', () => {
      trained++;
      return new Promise<void>((resolve) => {
        finish = resolve;
      });
    });
    link.start();
    browser = await Chromium.open(hub.url);
    await browser.until("document.querySelector('.card button') !== null");
    await browser.evaluate("document.querySelector('#devices-title').focus()");
    await browser.press('Tab');
    expect(await browser.evaluate('document.activeElement.getAttribute("aria-label")')).toBe(
      'Train cam-1 now',
    );
    await browser.press('Enter');
    await until(() => trained === 1);
    // The card is drawn anew meanwhile; the focus stays where it was.
    link.publish('event', event(1));
    const { training: _, ...idle } = metrics;
    link.publish('metrics', idle);
    await browser.until("document.querySelector('.tasks') !== null");
    expect(await browser.evaluate('document.activeElement.getAttribute("aria-label")')).toBe(
      'Train cam-1 now',
    );
    finish();
    await browser.until("document.querySelector('#notice').innerText === 'cam-1 finished its training.'");
  });

  it('fits a phone without scrolling sideways, in light and in dark', async () => {
    const { link } = hub.device('a-device-with-the-longest-name-that-the-contract-lets-through-64');
    link.start();
    const long = { task: 'x'.repeat(64), lastError: `${'y'.repeat(300)}` };
    link.publish('metrics', {
      ...metrics,
      tasks: [{ ...metrics.tasks[0]!, task: long.task }],
      sources: sources.map((s) => ({ ...s, lastError: long.lastError })),
    });
    for (const dark of [false, true]) {
      browser = await Chromium.open(hub.url, { width: 360, height: 740, dark });
      await browser.until("document.querySelector('.tasks') !== null");
      expect(await browser.evaluate('document.documentElement.scrollWidth')).toBe(360);
      const ground = await browser.evaluate('getComputedStyle(document.body).backgroundColor');
      expect(ground).toBe(dark ? 'rgb(16, 20, 15)' : 'rgb(243, 244, 238)');
      await browser.close();
      browser = undefined;
    }
  });
});
