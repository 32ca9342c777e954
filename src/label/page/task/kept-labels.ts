const KEY = 'lichen.kept-labels';
/** A browser's storage is small, and a study soon names others. */
const MOST = 500;

/** Labels that the owner said are right, as `<sample> <label>`; this browser remembers them. */
export function keptLabels(): ReadonlySet<string> {
  try {
    const kept: unknown = JSON.parse(localStorage.getItem(KEY) ?? '[]');
    return new Set(Array.isArray(kept) ? kept.filter((one) => typeof one === 'string') : []);
  } catch {
    return new Set();
  }
}

export function keepLabel(label: string): ReadonlySet<string> {
  const kept = [...keptLabels(), label].slice(-MOST);
  try {
    localStorage.setItem(KEY, JSON.stringify(kept));
  } catch {
    // Without storage it is hidden until the page is opened anew.
  }
  return new Set(kept);
}
