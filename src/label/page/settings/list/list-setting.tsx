import { useId, useRef, useState } from 'preact/hooks';
import type { ListView, RowChange, SettingView } from '../../../settings-api.js';
import { useLanguage, useText } from '../../context.js';
import { integer } from '../../format.js';
import { settingText } from '../../i18n/setting-text.js';
import { Icon } from '../../parts/icon.js';
import { SaveCancel } from '../save-cancel.js';
import {
  areChanged,
  changesOf,
  type EditRow,
  editRows,
  fieldsOf,
  NAME,
  newRow,
  type Problem,
  problemsOf,
  textOf,
} from './edit-row.js';
import { ListRow } from './list-row.js';

/** Why rows were refused: in all, and by the setting. */
export interface Refused {
  message: string;
  problems: readonly Problem[];
}

interface Props {
  setting: SettingView;
  list: ListView;
  readOnly: boolean;
  /** @returns why they were refused, null where they were taken. */
  onSave: (key: string, rows: RowChange[]) => Promise<Refused | null>;
}

/** A setting that holds several: its rows, which are changed together and then saved. */
export function ListSetting({ setting, list, readOnly, onSave }: Props) {
  const text = useText();
  const language = useLanguage();
  const kindId = useId();
  const add = useRef<HTMLButtonElement>(null);
  const added = useRef(0);
  /** Null while they are as they are in the file. */
  const [edits, setEdits] = useState<EditRow[] | null>(null);
  const [kind, setKind] = useState(list.kinds[0]?.kind ?? null);
  const [refused, setRefused] = useState<Refused | null>(null);
  const [busy, setBusy] = useState(false);
  const { key } = setting;
  const rows = edits ?? editRows(list);
  const disabled = readOnly || list.fixed || busy;
  const changed = areChanged(rows, list);
  const placeOf = (edit: EditRow, i: number) => (list.named ? (textOf(edit, NAME) ?? '') : String(i));
  const known = (problem: Problem) =>
    rows.some((edit, i) => {
      const place = `${key}.${placeOf(edit, i)}`;
      return problem.key === place || problem.key.startsWith(`${place}.`);
    });
  // What is wrong with a row is told there.
  const elsewhere = refused?.problems.filter((p) => !known(p)) ?? [];
  const save = async (event: Event) => {
    event.preventDefault();
    setBusy(true);
    const failure = await onSave(key, changesOf(rows));
    setBusy(false);
    setRefused(failure);
    if (failure === null) setEdits(null);
  };
  return (
    <form class="setting list" data-testid={`setting-${key}`} onSubmit={save}>
      <div class="setting-text">
        <p class="setting-name">
          <code>{key}</code>
          <span class="muted small">{text.settings.list.count(integer(rows.length, language))}</span>
          {setting.changed && <span class="tag">{text.settings.changed}</span>}
        </p>
        <p class="muted small">{settingText(setting, language)}</p>
        {list.fixed && <p class="muted small">{text.settings.list.fixed}</p>}
      </div>
      <ul class="list-rows">
        {rows.map((edit, i) => {
          const fields = fieldsOf(list, edit.row, key);
          return (
            <ListRow
              key={edit.id}
              {...{ edit, fields, disabled }}
              problems={problemsOf(refused?.problems ?? [], key, placeOf(edit, i), fields)}
              onEdit={(next) => setEdits(rows.map((r) => (r.id === next.id ? next : r)))}
              onRemove={() => {
                setEdits(rows.filter((r) => r.id !== edit.id));
                setRefused(null);
                add.current?.focus();
              }}
            />
          );
        })}
      </ul>
      {refused !== null && (elsewhere.length > 0 || refused.problems.length === 0) && (
        <p class="small wrong" role="alert" data-testid="list-refused">
          {refused.problems.length === 0
            ? refused.message
            : elsewhere.map((p) => `${p.key}: ${p.message}`).join('\n')}
        </p>
      )}
      {!readOnly && !list.fixed && (
        <div class="row list-foot">
          {list.kinds.length > 1 && (
            <>
              <label class="visually-hidden" for={kindId}>
                {text.settings.list.kind}
              </label>
              <select
                id={kindId}
                value={kind ?? ''}
                disabled={busy}
                data-testid="row-kind"
                onChange={(event) => setKind(event.currentTarget.value)}
              >
                {list.kinds.map((one) => (
                  <option key={one.kind} value={one.kind ?? ''}>
                    {one.kind}
                  </option>
                ))}
              </select>
            </>
          )}
          <button
            ref={add}
            type="button"
            class="button"
            disabled={busy}
            data-testid="row-add"
            onClick={() => setEdits([...rows, newRow(kind, ++added.current)])}
          >
            <Icon name="plus" />
            {text.settings.list.add}
          </button>
          {changed && (
            <SaveCancel
              busy={busy}
              testId="list-save"
              onCancel={() => {
                setEdits(null);
                setRefused(null);
              }}
            />
          )}
        </div>
      )}
    </form>
  );
}
