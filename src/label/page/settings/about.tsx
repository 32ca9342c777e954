import { useLanguage, useStore, useText } from '../context.js';
import { bytes } from '../format.js';

/** What device this is and how it is. */
export function About() {
  const text = useText();
  const language = useLanguage();
  const overview = useStore((state) => state.overview);
  if (overview === null) return null;
  const facts: [string, string][] = [
    [text.settings.deviceName, overview.device],
    [text.settings.version, overview.version],
    [text.settings.profile, overview.profile],
    [text.settings.backbone, overview.backbone],
    [text.settings.memory, bytes(overview.rssBytes, language)],
    [
      text.settings.temperature,
      overview.temperatureCelsius === null ? '–' : `${overview.temperatureCelsius.toFixed(0)} °C`,
    ],
    [text.settings.reports, overview.connected ? text.settings.reportsOn : text.settings.reportsOff],
  ];
  return (
    <section class="card">
      <h2>{text.settings.about}</h2>
      <dl class="facts table">
        {facts.map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        ))}
      </dl>
    </section>
  );
}
