import { useLanguage, useStore, useText } from '../context.js';
import { eventText } from '../i18n/event-text.js';
import { Ago } from '../parts/ago.js';

const SHOWN = 12;

/** What the device reported since the page was opened. */
export function EventList() {
  const events = useStore((state) => state.events);
  const text = useText();
  const language = useLanguage();
  return (
    <section class="events-section">
      <h2>{text.live.events}</h2>
      {events.length === 0 ? (
        <p class="muted small">{text.live.noEvents}</p>
      ) : (
        <ol class="events" data-testid="events">
          {events.slice(0, SHOWN).map((event) => {
            const told = eventText(event, language);
            return (
              <li key={`${event.at} ${event.kind} ${event.message}`} class={event.severity}>
                <p>{told.text}</p>
                {told.reason !== undefined && (
                  <p class="muted small" lang="en">
                    {told.reason}
                  </p>
                )}
                <Ago at={event.at} />
              </li>
            );
          })}
        </ol>
      )}
    </section>
  );
}
