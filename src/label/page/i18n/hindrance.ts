import type { Hindrance } from '../../../link/event-data.js';
import { integer, type Language } from '../format.js';
import { dictionaries } from './languages.js';

/** What keeps the device from training, in words. */
export function hindranceText(hindrance: Hindrance, language: Language): string {
  const { hindrances } = dictionaries[language];
  const mib = (value: number) => `${integer(value / 2 ** 20, language)} MiB`;
  switch (hindrance.kind) {
    case 'heat':
      return hindrances.heat(integer(hindrance.celsius, language), integer(hindrance.limit, language));
    case 'memory':
      return hindrances.memory(mib(hindrance.free), mib(hindrance.needed));
    case 'battery':
      return hindrances.battery;
    case 'disk':
      return hindrances.disk(mib(hindrance.free), mib(hindrance.needed));
  }
}
