import { useId } from 'preact/hooks';
import type { ListField } from '../../../settings-api.js';
import { useLanguage, useText } from '../../context.js';
import { settingText } from '../../i18n/setting-text.js';
import { Switch } from '../../parts/switch.js';
import { type EditRow, isHidden, NAME, textOf, withoutChange, withValue } from './edit-row.js';

interface Props {
  field: ListField;
  edit: EditRow;
  disabled: boolean;
  /** What is wrong with it, as the device says. */
  problem: string | undefined;
  onEdit: (edit: EditRow) => void;
}

/** One field of a list's row with its name, its meaning and what is wrong with it. */
export function RowField({ field, edit, disabled, problem, onEdit }: Props) {
  const text = useText();
  const language = useLanguage();
  const id = useId();
  const { path, required, default: standard } = field;
  const hidden = isHidden(edit, path);
  const name = path === NAME ? text.settings.list.name : path === '' ? text.settings.list.value : path;
  const description = path === NAME ? '' : settingText(field, language, edit.row.kind ?? undefined);
  return (
    <div class="field list-field">
      <label for={id} id={`${id}-name`}>
        {path === NAME || path === '' ? name : <code>{name}</code>}
        {required && <span class="tag">{text.settings.list.required}</span>}
      </label>
      {description !== '' && (
        <p class="muted small" id={`${id}-text`}>
          {description}
          {standard !== '' && ` ${text.settings.default(standard.replaceAll('\n', ', '))}`}
        </p>
      )}
      <FieldInput {...{ id, field, edit, disabled, onEdit }} wrong={problem !== undefined} />
      {edit.row.hidden.includes(path) && !disabled && (
        <button
          type="button"
          class="button link"
          onClick={() => onEdit(hidden ? withValue(edit, path, '') : withoutChange(edit, path))}
        >
          {hidden ? text.settings.list.clear : text.settings.list.keepHidden}
        </button>
      )}
      {problem !== undefined && (
        <p class="small wrong" role="alert" id={`${id}-wrong`} data-testid={`problem-${path}`}>
          {problem}
        </p>
      )}
    </div>
  );
}

interface InputProps extends Omit<Props, 'problem'> {
  id: string;
  wrong: boolean;
}

function FieldInput({ id, field, edit, disabled, wrong, onEdit }: InputProps) {
  const text = useText();
  const { path, kind, allowed, secret, default: standard } = field;
  const value = textOf(edit, path) ?? '';
  const hidden = isHidden(edit, path);
  const change = (next: string) => onEdit(withValue(edit, path, next));
  const common = {
    ...{ id, disabled, 'aria-invalid': wrong, 'data-testid': `field-${path}` },
    'aria-describedby': wrong ? `${id}-text ${id}-wrong` : `${id}-text`,
  };
  if (kind === 'switch' || kind === 'group') {
    const on = (value || standard) === 'true';
    return (
      <Switch {...common} on={on} aria-labelledby={`${id}-name`} onTurn={(next) => change(String(next))} />
    );
  }
  if (kind === 'choice') {
    return (
      <select {...common} value={value} onChange={(event) => change(event.currentTarget.value)}>
        <option value="">{standard === '' ? '–' : text.settings.default(standard)}</option>
        {allowed.map((one) => (
          <option key={one} value={one}>
            {one}
          </option>
        ))}
      </select>
    );
  }
  if (kind === 'choices') {
    const chosen = (value || standard).split('\n').filter(Boolean);
    return (
      <fieldset class="choices" aria-labelledby={`${id}-name`} data-testid={`field-${path}`}>
        {allowed.map((one, i) => (
          <label key={one}>
            <input
              id={i === 0 ? id : undefined}
              type="checkbox"
              disabled={disabled}
              checked={chosen.includes(one)}
              onChange={({ currentTarget: { checked } }) =>
                change(allowed.filter((a) => (a === one ? checked : chosen.includes(a))).join('\n'))
              }
            />
            {one}
          </label>
        ))}
      </fieldset>
    );
  }
  const placeholder = hidden ? text.settings.secretSet : undefined;
  if (kind === 'values' || kind === 'record') {
    return (
      <>
        <textarea
          {...common}
          rows={Math.max(2, value.split('\n').length)}
          autocomplete="off"
          spellcheck={false}
          placeholder={placeholder}
          value={value}
          onInput={(event) => change(event.currentTarget.value)}
        />
        <small class="muted">
          {kind === 'values' ? text.settings.list.onePerLine : text.settings.list.pairPerLine}
        </small>
      </>
    );
  }
  if (secret) {
    return (
      <input
        {...common}
        type="password"
        autocomplete="off"
        placeholder={placeholder}
        value={value}
        onInput={(event) => change(event.currentTarget.value)}
      />
    );
  }
  return (
    <>
      <input
        {...common}
        type="text"
        inputMode={kind === 'number' ? 'decimal' : 'text'}
        autocomplete="off"
        autocapitalize="off"
        spellcheck={false}
        placeholder={placeholder}
        value={value}
        list={allowed.length > 0 ? `${id}-allowed` : undefined}
        onInput={(event) => change(event.currentTarget.value)}
      />
      {allowed.length > 0 && (
        <datalist id={`${id}-allowed`}>
          {allowed.map((one) => (
            <option key={one} value={one} />
          ))}
        </datalist>
      )}
    </>
  );
}
