import type { SettingView } from '../../settings-api.js';
import { useText } from '../context.js';
import { Switch } from '../parts/switch.js';

interface Props {
  id: string;
  setting: SettingView;
  value: string;
  disabled: boolean;
  onValue: (value: string) => void;
}

/** The input that suits the kind of a setting. */
export function SettingInput({ id, setting, value, disabled, onValue }: Props) {
  const text = useText();
  const { kind, allowed, secret, changed } = setting;
  const common = { id, disabled, 'aria-describedby': `${id}-text`, 'data-testid': `input-${setting.key}` };
  if (secret) {
    return (
      <input
        {...common}
        type="password"
        autocomplete="off"
        value={value}
        placeholder={changed ? text.settings.secretSet : text.settings.secretUnset}
        onInput={(event) => onValue(event.currentTarget.value)}
      />
    );
  }
  if (kind === 'switch') {
    return <Switch {...common} on={value === 'true'} onTurn={(on) => onValue(String(on))} />;
  }
  if (kind === 'choice') {
    return (
      <select {...common} value={value} onChange={(event) => onValue(event.currentTarget.value)}>
        {!allowed.includes(value) && <option value={value}>{value === '' ? '–' : value}</option>}
        {allowed.map((one) => (
          <option key={one} value={one}>
            {one}
          </option>
        ))}
      </select>
    );
  }
  return (
    <input
      {...common}
      type="text"
      inputMode={kind === 'number' ? 'decimal' : 'text'}
      autocomplete="off"
      spellcheck={false}
      value={value}
      onInput={(event) => onValue(event.currentTarget.value)}
    />
  );
}
