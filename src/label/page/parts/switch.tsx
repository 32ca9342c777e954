import type { ComponentProps } from 'preact';
import { useText } from '../context.js';

interface Props extends ComponentProps<'button'> {
  on: boolean;
  onTurn: (on: boolean) => void;
}

/** What is on or off. */
export function Switch({ on, onTurn, ...rest }: Props) {
  const text = useText();
  return (
    <button
      {...rest}
      type="button"
      role="switch"
      class="switch"
      aria-checked={on}
      onClick={() => onTurn(!on)}
    >
      <span class="switch-track" aria-hidden="true">
        <span class="switch-knob" />
      </span>
      {on ? text.settings.on : text.settings.off}
    </button>
  );
}
