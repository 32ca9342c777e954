import { z } from 'zod';
import { directorySchema } from './directory-config.js';
import { ffmpegSchema } from './ffmpeg.js';
import { gstreamerSchema } from './gstreamer.js';
import { httpPostSchema } from './http-post.js';
import { mqttSchema } from './mqtt-pictures.js';
import { rpicamSchema } from './rpicam.js';
import { samplesSchema, soundSchema } from './signal/config.js';
import { snapshotSchema } from './snapshot.js';

/** One source of pictures; more kinds are further members of this union. */
export const sourceSchema = z.discriminatedUnion('kind', [
  directorySchema,
  ffmpegSchema,
  rpicamSchema,
  gstreamerSchema,
  snapshotSchema,
  mqttSchema,
  httpPostSchema,
  soundSchema,
  samplesSchema,
]);
export type SourceConfig = z.infer<typeof sourceSchema>;

/** All sources of a device. */
export const sourcesSchema = z
  .array(sourceSchema)
  .superRefine((sources, context) => {
    const names = sources.map(sourceName);
    names.forEach((name, i) => {
      if (names.indexOf(name) === i) return;
      context.addIssue({
        code: 'custom',
        path: [i, 'name'],
        message: `another source has the name '${name}'`,
      });
    });
  })
  .default([]);

/** What a source is called: its name, or else its kind and its place among the sources. */
export function sourceName(config: SourceConfig, place: number): string {
  return config.name ?? `${config.kind}-${place + 1}`;
}
