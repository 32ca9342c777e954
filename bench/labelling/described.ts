import { readFileSync } from 'node:fs';
import type { Backbone } from '../../src/backbone/backbone.js';
import { sampleId } from '../../src/backbone/latents.js';
import type { Trunk } from '../../src/backbone/trunk.js';
import type { Engine } from '../../src/engine/engine.js';
import { type Rows, TaskNetwork } from '../../src/learn/network.js';
import { bareModel } from '../../src/recognize/task-model.js';
import { isHeldOut } from '../../src/replay/held-out.js';
import type { Dataset } from '../data.js';
import { type PictureSet, readSet } from '../recognition/pictures.js';

/** Photographs with all that a device computes of them but once. */
export interface Described extends PictureSet {
  samples: string[];
  /** Whether a label of it would be held out. */
  heldOut: boolean[];
  /** What the instant answer reads. */
  rows: Rows;
  blocks: readonly number[];
}

/** @throws LichenError `bench-data-missing` */
export async function describeSet(
  folder: string,
  name: Dataset,
  engine: Engine,
  backbone: Backbone,
  trunk: Trunk,
  say: (text: string) => void,
): Promise<Described> {
  const set = await readSet(folder, name, backbone, trunk, say);
  const samples = set.files.map((file) => sampleId(readFileSync(file)));
  const network = await TaskNetwork.open(engine, bareModel(backbone), backbone.latentCodec);
  try {
    say(`${name}: features`);
    const { summary } = await network.describe(set.latents);
    return {
      ...set,
      samples,
      heldOut: samples.map((s) => isHeldOut(s)),
      rows: summary,
      blocks: network.blocks,
    };
  } finally {
    await network.close();
  }
}
