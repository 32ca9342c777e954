import { readdirSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { reportHtml } from '../../src/demo/report.js';
import type { DemoResult, StageResult } from '../../src/demo/result.js';

const FOLDER = 'models/demo-pictures/test/tops/coat';
const FILES = readdirSync(FOLDER)
  .sort()
  .slice(0, 20)
  .map((f) => `${FOLDER}/${f}`);

function stage(task: string, change: Partial<StageResult> = {}): StageResult {
  return {
    task,
    title: `${task} <title>`,
    isolation: 'piggyback',
    samples: 100,
    takeInSeconds: 3,
    instantAccuracy: 0.801,
    training: {
      version: 1,
      promoted: true,
      reason: 'better',
      heldOutAccuracy: 0.9,
      instantAccuracy: 0.8,
      trainSamples: 80,
      adapterBytes: 123_456,
      digest: 'aa',
      seconds: 5,
      wallSeconds: 6,
    },
    accuracy: [{ task, accuracy: 0.877, samples: 20 }],
    digest: 'd1',
    digests: { [task]: 'deadbeefcafe' },
    verified: true,
    replay: { capBytes: 8 * 2 ** 20, usedBytes: 2 * 2 ** 20, samples: 321 },
    peakRssBytes: 300e6,
    ...change,
  };
}

function result(change: Partial<DemoResult> = {}): DemoResult {
  const second = stage('shoes', {
    accuracy: [
      { task: 'tops', accuracy: 0.877, samples: 20 },
      { task: 'shoes', accuracy: 0.955, samples: 20 },
    ],
    digests: { tops: 'deadbeefcafe', shoes: '0123456789ab' },
  });
  const answers = FILES.map((file, i) => ({
    file,
    truth: 'coat',
    label: i < 3 ? 'dress & "more"' : 'coat',
    probability: 0.5 + i / 50,
  }));
  return {
    startedAt: '2026-01-02T03:04:05Z',
    seconds: 97,
    machine: { node: 'v20', platform: 'linux', cores: 2, cpu: 'Some <CPU>' },
    page: 'http://127.0.0.1:8080/',
    backboneBytes: 13.4e6,
    stages: [stage('tops'), second],
    crash: { samplesBefore: 411, samplesAfter: 411, tasksBefore: ['tops@1'], tasksAfter: ['tops@1'] },
    outage: { reportsWhileAway: 20, arrived: 20, distinct: 20, dropped: 0 },
    pack: {
      bytes: 54_321,
      signer: 'abc123signer',
      version: 7,
      accuracyOnFirst: 0.877,
      accuracyOnSecond: 0.873,
      samples: 20,
    },
    nothingForgotten: true,
    trafficBytes: 1000,
    answers: { tops: answers, shoes: [] },
    versions: [{ name: 'tops', versions: [{ number: 1, metrics: { losses: [1.5, 0.75, 0.375] } }] }],
    ...change,
  };
}

/** What a page would load or lead to, beside data in itself. */
function references(html: string): string[] {
  const attributes = [
    ...html.matchAll(/\b(?:src|href|action|data|poster|srcset)\s*=\s*["']([^"']*)["']/gi),
  ].map((m) => m[1]!);
  const styles = [
    ...html.matchAll(/url\(\s*["']?([^"')]+)/gi),
    ...html.matchAll(/@import\s+["']?([^"';]+)/gi),
  ].map((m) => m[1]!);
  const calls = [
    ...html.matchAll(
      /\b(?:fetch|importScripts|XMLHttpRequest|WebSocket|EventSource|sendBeacon)\b[^;]{0,40}/g,
    ),
  ].map((m) => m[0]);
  return [...attributes, ...styles, ...calls].filter((r) => !r.startsWith('data:'));
}

describe('the report', () => {
  const html = reportHtml(result());

  it('needs nothing from anywhere: no file, no address, no call', () => {
    expect(references(html)).toEqual([]);
    expect(html).not.toMatch(/<(link|iframe|object|embed|base)\b/i);
    // Addresses stand only in a comment, that of the plotting library's licence.
    const code = html.replace(/\/\*[\s\S]*?\*\//g, '');
    expect(code.match(/https?:\/\/[^\s"'<]+/g) ?? []).toEqual([]);
  });

  it('shows the figures of the result', () => {
    for (const text of [
      '87.7 %',
      '95.5 %',
      '80.1 %',
      '97 seconds',
      'abc123signer',
      'version 7',
      '321 samples',
      'deadbeef',
      '01234567',
      '411 samples before, 411 after',
      '20 answers made meanwhile, 20 arrived',
    ]) {
      expect(html, text).toContain(text);
    }
    // (0.877 + 0.955) / 2
    expect(html).toContain('91.6 %');
    expect(html).toContain('[1.5,0.75,0.375]');
    expect(html).toContain('<b>zero</b>');
    expect(html).toContain('nothing lost, nothing twice');
  });

  it('has the wrong answers first, then the least sure ones, as pictures', () => {
    const shots = [
      ...html.matchAll(
        /<div class="shot( wrong)?"><img alt="coat" src="data:image\/png;base64,([^"]+)">([^<]*)/g,
      ),
    ];
    expect(shots).toHaveLength(15);
    expect(shots.map((m) => m[1] === ' wrong')).toEqual([...Array(3).fill(true), ...Array(12).fill(false)]);
    expect(shots[0]![3]).toBe('dress &#38; &#34;more&#34;, is coat');
    expect(Buffer.from(shots[0]![2]!, 'base64').subarray(1, 4).toString()).toBe('PNG');
    expect(html).toContain('3 of 20 wrong');
  });

  it('says loudly what went wrong', () => {
    const [first] = result().stages;
    const bad = reportHtml(
      result({
        nothingForgotten: false,
        stages: [{ ...first!, verified: false }],
        crash: { samplesBefore: 10, samplesAfter: 9, tasksBefore: [], tasksAfter: [] },
        outage: { reportsWhileAway: 20, arrived: 20, distinct: 19, dropped: 0 },
      }),
    );
    expect(bad).toContain('<b>SOME</b>');
    expect(bad).toContain('DIFFERENT');
    expect(bad.match(/class="bad">LOST/g)).toHaveLength(2);
    expect(html).not.toMatch(/SOME|DIFFERENT|LOST/);
  });

  it('takes text as text', () => {
    expect(html).toContain('tops &#60;title&#62;');
    expect(html).toContain('Some &#60;CPU&#62;');
    expect(html).not.toContain('<title> (');
    const evil = reportHtml(result({ stages: [stage('</script><script>alert(1)</script>')] }));
    expect(evil).not.toContain('</script><script>alert(1)');
  });

  it('does without a crash, an outage and a pack', () => {
    const plain = reportHtml(
      result({ crash: undefined, outage: undefined, pack: undefined, versions: undefined }),
    );
    expect(plain).toContain('What the demo did');
    const text = plain.replace(/<(script|style)>[\s\S]*?<\/\1>/g, '');
    expect(text.length).toBeLessThan(plain.length / 2);
    expect(text).not.toMatch(/undefined|NaN|null/);
  });
});
