import { useEffect, useId, useRef, useState } from 'preact/hooks';
import { useText } from '../context.js';
import { Icon } from './icon.js';

interface Props {
  label: string;
  value: string;
  onValue: (value: string) => void;
  kind: 'current-password' | 'new-password';
  hint?: string;
  wrong?: boolean;
  testId: string;
  focus?: boolean;
}

export function PasswordField({ label, value, onValue, kind, hint, wrong, testId, focus }: Props) {
  const text = useText();
  const id = useId();
  const ref = useRef<HTMLInputElement>(null);
  const [shown, setShown] = useState(false);
  useEffect(() => {
    if (focus) ref.current?.focus();
  }, []);
  return (
    <div class="field">
      <label for={id}>{label}</label>
      <div class="with-button">
        <input
          ref={ref}
          id={id}
          // The types of preact tell the two kinds of input apart; this one is both in turn.
          type={(shown ? 'text' : 'password') as 'password'}
          autocomplete={kind}
          autocapitalize="off"
          spellcheck={false}
          value={value}
          aria-invalid={wrong === true}
          aria-describedby={hint === undefined ? undefined : `${id}-hint`}
          data-testid={testId}
          onInput={(event) => onValue(event.currentTarget.value)}
        />
        <button
          type="button"
          class="button ghost round"
          aria-label={text.login.show}
          aria-pressed={shown}
          onClick={() => setShown(!shown)}
        >
          <Icon name="eye" />
        </button>
      </div>
      {hint !== undefined && (
        <small id={`${id}-hint`} class={wrong ? 'wrong' : ''}>
          {hint}
        </small>
      )}
    </div>
  );
}
