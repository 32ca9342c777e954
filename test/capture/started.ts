import { sourceSchema } from '../../src/capture/config.js';
import type { CaptureContext } from '../../src/capture/context.js';
import type { SourceStatus } from '../../src/capture/counters.js';
import type { Picture, Source } from '../../src/capture/source.js';
import { openSource } from '../../src/capture/sources.js';
import { until } from '../link/until.js';

/** A source that runs, with everything that it delivered. */
export interface Started {
  source: Source;
  delivered: Picture[];
  status: () => SourceStatus;
  /** Resolves when so many were delivered. */
  count: (n: number) => Promise<void>;
}

/** Starts the source that settings name; it is called 'door'. */
export async function startSource(
  settings: Record<string, unknown>,
  context: CaptureContext,
): Promise<Started> {
  const source = openSource(sourceSchema.parse(settings), 'door', context);
  const delivered: Picture[] = [];
  await source.start(async (picture) => {
    delivered.push(picture);
    return { sample: 'sample' };
  });
  const count = (n: number) => until(() => delivered.length >= n);
  return { source, delivered, status: () => source.status(), count };
}
