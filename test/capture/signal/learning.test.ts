import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { sampleId } from '../../../src/backbone/latents.js';
import { Random } from '../../../src/random.js';
import { latentsOf, type Photograph } from '../../agent/pictures.js';
import { type Bedrock, openBedrock, Rooms } from '../../agent/rooms.js';
import { scratchFolder } from '../../store/scratch.js';
import { espeak } from '../programs.js';
import { type Condition, machine } from './machine.js';
import { gaussian } from './noise.js';
import { pictureMaker } from './pictures-of.js';
import { DIGITS, samplesOf, say, type Voice } from './speech.js';

const scratch = scratchFolder();
let bedrock: Bedrock;

beforeAll(async () => {
  bedrock = await openBedrock();
});
afterAll(() => bedrock.trunk.close());

/** A picture of a signal, as a labelled sample. */
function sample(bytes: Buffer, label: string): Photograph {
  return { file: label, bytes, label, id: sampleId(bytes) };
}

/** Teaches one half, asks of the other; the share of right answers of the instant answer. */
async function accuracy(teach: readonly Photograph[], ask: readonly Photograph[]): Promise<number> {
  const rooms = await Rooms.open(bedrock, scratch.path('store'));
  await rooms.teach('heard', teach);
  const latents = await latentsOf(bedrock.backbone, bedrock.trunk, ask);
  const answers = await rooms.recognizer.classify(latents, 'heard');
  await rooms.close();
  return answers.filter((a, i) => a.label === ask[i]!.label).length / ask.length;
}

/** Puts a word into a second of faint noise, at the place where an onset would put it. */
function inNoise(word: Float32Array, rate: number, seed: number): Float32Array {
  const random = new Random(seed);
  const lead = Math.round(0.1 * rate);
  return Float32Array.from({ length: rate }, (_, i) => (word[i - lead] ?? 0) + 0.001 * gaussian(random));
}

describe('spoken digits', () => {
  const TAUGHT = [
    'en-us',
    'en-us+f2',
    'en-us+m3',
    'en-gb',
    'en-gb+f4',
    'en-gb-scotland+m2',
    'en-us+m7',
    'en-gb+f1',
  ];
  const OTHERS = ['en-us+f3', 'en-gb+m4', 'en-gb-x-rp'];
  const rate = 22_050;

  const voices = (names: readonly string[], speeds: readonly number[]): Voice[] =>
    names.flatMap((name) => speeds.map((speed, i) => ({ name, speed, pitch: 40 + 20 * i })));

  it('are told apart in voices that were never heard', async (test) => {
    if (!espeak.runs) test.skip(espeak.reason);
    const maker = pictureMaker({ kind: 'sound', device: 'default', rate }, bedrock.backbone.manifest.input);
    const said = async (all: readonly Voice[], from: number) => {
      const samples: Photograph[] = [];
      for (const [v, voice] of all.entries()) {
        for (const [d, digit] of DIGITS.entries()) {
          const word = samplesOf(say(digit, voice));
          samples.push(sample(await maker(inNoise(word, rate, from + 10 * v + d)), digit));
        }
      }
      return samples;
    };
    const teach = await said(voices(TAUGHT, [140, 175]), 0);
    const ask = await said(voices(OTHERS, [150, 165]), 10_000);
    const share = await accuracy(teach, ask);
    console.log(
      `spoken digits, ${teach.length} taught, ${ask.length} asked in other voices: ${share.toFixed(3)}`,
    );
    // Ten words: guessing gets a tenth.
    expect(share).toBeGreaterThan(0.6);
  });
});

describe('vibration of a machine', () => {
  const CONDITIONS: readonly Condition[] = ['healthy', 'imbalance', 'outer-race'];
  const rate = 12_000;

  it.each([
    [1, 0.9],
    [0.2, 0.6],
  ])(
    'tells faults of severity %f from a healthy machine, at other speeds and loads',
    async (severity, least) => {
      const settings = {
        kind: 'samples',
        topic: 'machine',
        rate,
        length: '400 ms',
        window: '8 ms',
        hop: '2 ms',
      };
      const maker = pictureMaker(settings, bedrock.backbone.manifest.input);
      const recorded = async (each: number, seed: number) => {
        const samples: Photograph[] = [];
        for (let i = 0; i < each; i++) {
          for (const [c, condition] of CONDITIONS.entries()) {
            const signal = machine(condition, 0.4, rate, seed + 10 * i + c, severity);
            samples.push(sample(await maker(signal), condition));
          }
        }
        return samples;
      };
      const teach = await recorded(20, 1);
      const ask = await recorded(20, 100_000);
      const share = await accuracy(teach, ask);
      console.log(
        `vibration, severity ${severity}, ${teach.length} taught, ${ask.length} asked: ${share.toFixed(3)}`,
      );
      // Three conditions: guessing gets a third.
      expect(share).toBeGreaterThan(least);
    },
  );
});
