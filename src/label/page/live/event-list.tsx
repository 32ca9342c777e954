import { useStore, useText } from '../context.js';
import { Ago } from '../parts/ago.js';

const SHOWN = 12;

/** What the device reported since the page was opened. */
export function EventList() {
  const events = useStore((state) => state.events);
  const text = useText();
  return (
    <section class="events-section">
      <h2>{text.live.events}</h2>
      {events.length === 0 ? (
        <p class="muted small">{text.live.noEvents}</p>
      ) : (
        <ol class="events" data-testid="events">
          {events.slice(0, SHOWN).map((event) => (
            <li key={`${event.at} ${event.kind} ${event.message}`} class={event.severity}>
              <p>{event.message}</p>
              <Ago at={event.at} />
            </li>
          ))}
        </ol>
      )}
    </section>
  );
}
