import { useEffect, useState } from 'preact/hooks';
import type { UndoView } from '../../api.js';
import { useApp, useLanguage, useStore, useText } from '../context.js';
import { integer, type Language } from '../format.js';
import type { Dictionary } from '../i18n/en.js';
import { Icon } from './icon.js';

const WIDE_MS = 6000;

/** Takes the last thing back, for as long as the device can; after a while it only makes itself small. */
export function UndoBar() {
  const undo = useStore((state) => state.overview?.undo ?? null);
  const learned = useStore((state) => state.learned);
  const { actions } = useApp();
  const text = useText();
  const language = useLanguage();
  const [small, setSmall] = useState<number | null>(null);
  useEffect(() => {
    if (undo === null) return;
    // One that was there before this page was opened is no news.
    const left = Math.max(0, undo.at + WIDE_MS - Date.now());
    const timer = setTimeout(() => setSmall(undo.id), Math.min(left, WIDE_MS));
    return () => clearTimeout(timer);
  }, [undo?.id]);
  if (undo === null) return <div class="undo-place" aria-live="polite" />;
  const what = undoText(undo, text, language);
  const told = learned?.undo === undo.id ? learned.text : null;
  const narrow = small === undo.id;
  return (
    <div class="undo-place" aria-live="polite">
      <div class={`undo ${narrow ? 'small' : ''}`} data-testid="undo-bar">
        {!narrow && (
          <p>
            <strong data-testid="undo-what">{what}</strong>
            {told && <span data-testid="learned">{told}</span>}
          </p>
        )}
        <button
          type="button"
          class="button"
          data-testid="undo"
          title={what}
          aria-label={narrow ? `${text.common.undo}: ${what}` : undefined}
          onClick={() => void actions.undo()}
        >
          <Icon name="undo" />
          <span class="undo-name">{text.common.undo}</span>
        </button>
        {!narrow && (
          <button
            type="button"
            class="button ghost round"
            aria-label={text.undo.hide}
            onClick={() => setSmall(undo.id)}
          >
            <Icon name="cross" />
          </button>
        )}
      </div>
    </div>
  );
}

export function undoText({ kind, label, pictures }: UndoView, text: Dictionary, language: Language): string {
  if (kind === 'label' || kind === 'relabel') return text.undo[kind](label ?? '');
  if (kind === 'recording') return text.undo.recording(integer(pictures, language), label ?? '');
  return text.undo[kind];
}
