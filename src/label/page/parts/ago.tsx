import { useEffect, useState } from 'preact/hooks';
import { useLanguage } from '../context.js';
import { ago, moment } from '../format.js';

/** How long ago something was, kept true while it is looked at. */
export function Ago({ at }: { at: number }) {
  const language = useLanguage();
  const [now, setNow] = useState(Date.now());
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), 5000);
    return () => clearInterval(timer);
  }, []);
  return (
    <time dateTime={new Date(at).toISOString()} title={moment(at, language)}>
      {ago(at, Math.max(now, Date.now()), language)}
    </time>
  );
}
