import { z } from 'zod';

const count = z.int().min(0);
const shape = z.array(count);
const seconds = z.number().min(0);

const figures = z.object({
  layers: count,
  weights: count.describe('elements of constants that are no single numbers, shapes or indices'),
  multiplyAdds: count
    .nullable()
    .describe('for one sample, of convolutions and matrix products; null where a shape is not known'),
  flops: count.nullable().describe('two for every multiply-add'),
});

const layer = z.object({
  op: z.string(),
  node: z.string().describe("the node's name in the file"),
  output: z.string().describe('the tensor that it computes'),
  shape: shape.nullable().describe('of that tensor for one sample, batch first; null where it is not known'),
  weights: count,
  multiplyAdds: count.nullable(),
  flops: count.nullable(),
  unknown: z
    .object({
      reason: z.string(),
      own: z.boolean().describe('whether it is this layer that is not understood, and not one before it'),
    })
    .nullable()
    .describe('why the shape is not known'),
  blocks: z.string().nullable().describe('why no gradient passes'),
});

const cut = z.object({
  tensor: z.string().describe('what becomes the latent'),
  after: count.describe('index of the layer that computes it'),
  latent: z
    .object({
      shape: shape.describe('without the batch'),
      bytes: count.describe(
        'as signed bytes with a half-precision scale per channel: what replay memory keeps',
      ),
      floatBytes: count.describe('as floats'),
    })
    .nullable(),
  trunk: figures,
  crown: figures,
  mask: z.object({
    weights: count.describe('a bit each: dense and pointwise kernels, no depthwise ones'),
    channels: count.describe('a scale and a bias each, in half precision'),
    bytes: count.describe("of both, before compression, without the task's head"),
  }),
  trainable: z.boolean(),
  obstacle: z.string().nullable().describe('why no crown can be trained from here'),
  blocking: z.array(z.object({ op: z.string(), node: z.string(), output: z.string(), reason: z.string() })),
  stepSeconds: seconds
    .nullable()
    .describe('estimated for a Piggyback step of `batch` samples on this machine'),
});

/** What `lichen inspect --json` prints. */
export const inspectionSchema = z.object({
  file: z.string(),
  backbone: z.string().nullable().describe('name in the manifest, where the file is one'),
  opset: count,
  input: z.object({ name: z.string(), shape }),
  features: z.object({ name: z.string(), shape: shape.nullable() }),
  otherOutputs: z.array(z.string()).describe('not looked at'),
  total: figures,
  layers: z.array(layer),
  places: count.describe(
    'where it can be cut; `cuts` are those that were looked at: all, but in very deep networks',
  ),
  cuts: z.array(cut).describe("from the input's side to the output's"),
  cut: z.string().nullable().describe('the cut that is looked at'),
  cutBy: z.enum(['option', 'manifest', 'suggestion']).nullable(),
  batch: count,
  calibration: z
    .object({
      engine: z.string(),
      seconds: seconds.describe('what the measuring took'),
      steps: z.array(
        z.object({
          tensor: z.string(),
          batch: count,
          runs: count,
          seconds: seconds.describe('of the fastest run'),
          medianSeconds: seconds,
          estimate: seconds.describe('what the fitted rates say of this step'),
        }),
      ),
      disturbed: z
        .number()
        .describe('the largest median over fastest: near 1 on a machine that does nothing else'),
      rates: z.record(z.string(), z.number()).describe('seconds a unit of each kind of work'),
    })
    .nullable(),
});

export type Inspection = z.infer<typeof inspectionSchema>;
export type CutFigures = Inspection['cuts'][number];
export type LayerFigures = Inspection['layers'][number];
