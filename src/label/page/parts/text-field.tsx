import { useEffect, useId, useRef } from 'preact/hooks';

interface Props {
  label: string;
  value: string;
  onValue: (value: string) => void;
  hint?: string;
  invalid?: boolean;
  testId: string;
  /** Takes the focus as it comes. */
  focus?: boolean;
}

/** One line of text with its label and what is expected of it. */
export function TextField({ label, value, onValue, hint, invalid, testId, focus }: Props) {
  const id = useId();
  const ref = useRef<HTMLInputElement>(null);
  useEffect(() => {
    if (focus) ref.current?.focus();
  }, []);
  return (
    <div class="field">
      <label for={id}>{label}</label>
      <input
        ref={ref}
        id={id}
        type="text"
        autocomplete="off"
        autocapitalize="off"
        spellcheck={false}
        maxLength={64}
        value={value}
        aria-invalid={invalid === true}
        aria-describedby={hint === undefined ? undefined : `${id}-hint`}
        data-testid={testId}
        onInput={(event) => onValue(event.currentTarget.value)}
      />
      {hint !== undefined && (
        <small id={`${id}-hint`} class={invalid ? 'wrong' : ''}>
          {hint}
        </small>
      )}
    </div>
  );
}
