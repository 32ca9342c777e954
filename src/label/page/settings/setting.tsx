import { useId, useState } from 'preact/hooks';
import type { SettingView } from '../../settings-api.js';
import { useLanguage, useText } from '../context.js';
import { settingText } from '../i18n/setting-text.js';
import { SaveCancel } from './save-cancel.js';
import { SettingInput } from './setting-input.js';

interface Props {
  setting: SettingView;
  readOnly: boolean;
  /** @returns why it was refused, null where it was taken. */
  onSave: (key: string, value: string) => Promise<string | null>;
}

/** One setting; what is typed is written when it is saved, what is switched or chosen at once. */
export function Setting({ setting, readOnly, onSave }: Props) {
  const text = useText();
  const language = useLanguage();
  const id = useId();
  const [typed, setTyped] = useState(setting.value);
  const [error, setError] = useState<string | null>(null);
  const [busy, setBusy] = useState(false);
  const { key, kind, secret, changed } = setting;
  const save = async (value: string) => {
    setBusy(true);
    const refused = await onSave(key, value);
    setError(refused);
    // What was typed stays, to be corrected; a switch shows what is.
    if (refused !== null && atOnce) setTyped(setting.value);
    setBusy(false);
  };
  const atOnce = kind === 'switch' || kind === 'choice';
  const standard =
    secret || setting.default === '' ? text.settings.noDefault : text.settings.default(setting.default);
  return (
    <form
      class={`setting ${kind}`}
      data-testid={`setting-${key}`}
      onSubmit={(event) => {
        event.preventDefault();
        void save(typed);
      }}
    >
      <div class="setting-text">
        <label for={id}>
          <code>{key}</code>
          {changed && <span class="tag">{text.settings.changed}</span>}
        </label>
        <p class="muted small" id={`${id}-text`}>
          {settingText(setting, language)}
        </p>
        <p class="muted small">{standard}</p>
      </div>
      <div class="setting-input">
        <SettingInput
          id={id}
          setting={setting}
          value={typed}
          disabled={readOnly || busy}
          onValue={(value) => {
            setTyped(value);
            if (atOnce) void save(value);
          }}
        />
        <div role="alert" class="alert-place">
          {error !== null && <p class="small wrong">{error}</p>}
        </div>
        {!readOnly && !atOnce && typed !== setting.value && (
          <div class="row">
            <SaveCancel
              busy={busy}
              testId="setting-save"
              onCancel={() => {
                setTyped(setting.value);
                setError(null);
              }}
            />
          </div>
        )}
        {!readOnly && changed && typed === setting.value && (
          <button
            type="button"
            class="button link"
            disabled={busy}
            data-testid="setting-reset"
            onClick={() => void save('')}
          >
            {text.settings.reset}
          </button>
        )}
      </div>
    </form>
  );
}
