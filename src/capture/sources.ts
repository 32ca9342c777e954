import type { Logger } from 'pino';
import type { SourceConfig } from './config.js';
import { DirectorySource } from './directory.js';
import type { Seen, Source } from './source.js';

/** Makes the source that a configuration names; a new kind is a new case. */
export function openSource(config: SourceConfig, seen: Seen, log: Logger): Source {
  switch (config.kind) {
    case 'directory':
      return new DirectorySource(config, seen, log);
  }
}
