import type { EventView } from '../../api.js';
import type { Language } from '../format.js';
import { koEvents } from './ko-events.js';

/** What happened, in the page's language, with what was said word for word where that is not part of it. */
export function eventText(event: EventView, language: Language): { text: string; reason?: string } {
  if (language === 'en') return { text: event.message };
  // The kind names the function that takes this event's data; TypeScript does not follow that.
  const tell = koEvents[event.kind] as (data: EventView['data']) => string;
  const { data } = event;
  // A known code says the reason already.
  const said = event.kind === 'training-failed' && event.data.hindrance !== undefined;
  return { text: tell(data), ...('reason' in data && !said && { reason: data.reason }) };
}
