import { useLanguage } from '../context.js';
import { percent } from '../format.js';

interface Props {
  label: string;
  /** What the device gives this class, drawn as a fill; undefined where it has not answered. */
  probability?: number;
  /** The key that does the same. */
  hint?: string;
  selected?: boolean;
  suggested?: boolean;
  disabled?: boolean;
  onPick: () => void;
  onAim?: () => void;
}

/** A class to tap; how likely the device takes it is drawn into the button. */
export function ClassButton({
  label,
  probability,
  hint,
  selected,
  suggested,
  disabled,
  onPick,
  onAim,
}: Props) {
  const language = useLanguage();
  return (
    <button
      type="button"
      class={`class ${suggested ? 'suggested' : ''}`}
      aria-pressed={selected}
      disabled={disabled}
      data-testid={`class-${label}`}
      onPointerDown={onAim}
      onClick={onPick}
    >
      {probability !== undefined && (
        <span class="class-fill" aria-hidden="true" style={{ transform: `scaleX(${probability})` }} />
      )}
      {hint !== undefined && (
        <span class="hint" aria-hidden="true">
          {hint}
        </span>
      )}
      <span class="class-name">{label}</span>
      {probability !== undefined && probability >= 0.005 && (
        <span class="class-share">{percent(probability, language)}</span>
      )}
    </button>
  );
}
