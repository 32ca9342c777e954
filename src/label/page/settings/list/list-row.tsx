import { useEffect, useRef } from 'preact/hooks';
import type { ListField } from '../../../settings-api.js';
import { useText } from '../../context.js';
import { Icon } from '../../parts/icon.js';
import { type EditRow, shownFields, titleOf } from './edit-row.js';
import { RowField } from './list-field.js';

interface Props {
  edit: EditRow;
  fields: readonly ListField[];
  disabled: boolean;
  problems: ReadonlyMap<string | null, string>;
  onEdit: (edit: EditRow) => void;
  onRemove: () => void;
}

/** A row of a list: what tells it from others, its fields when it is opened, and a way to take it out. */
export function ListRow({ edit, fields, disabled, problems, onEdit, onRemove }: Props) {
  const text = useText();
  const body = useRef<HTMLDivElement>(null);
  const { main, more } = shownFields(fields, edit);
  const isNew = edit.from === null;
  useEffect(() => {
    if (isNew) body.current?.querySelector<HTMLElement>('input, textarea, select')?.focus();
  }, []);
  const field = (one: ListField) => (
    <RowField key={one.path} {...{ edit, disabled, onEdit }} field={one} problem={problems.get(one.path)} />
  );
  const remove = !disabled && (
    <button
      type="button"
      class="button ghost"
      aria-label={`${text.settings.list.remove}: ${edit.row.kind ?? ''} ${titleOf(edit)}`}
      data-testid="row-remove"
      onClick={onRemove}
    >
      <Icon name="trash" />
      {text.settings.list.remove}
    </button>
  );
  const own = problems.get(null);
  const wrong = own !== undefined && (
    <p class="small wrong" role="alert" data-testid="problem-row">
      {own}
    </p>
  );
  // A plain value needs no room to open.
  if (fields.length === 1) {
    return (
      <li class="list-row plain" data-testid="list-row">
        <div ref={body}>{fields.map(field)}</div>
        {remove}
        {wrong}
      </li>
    );
  }
  return (
    <li class="list-row" data-testid="list-row">
      <details open={isNew || problems.size > 0}>
        <summary>
          {edit.row.kind !== null && <span class="tag">{edit.row.kind}</span>}
          <span class="row-title">{titleOf(edit) || (isNew ? text.settings.list.newRow : '–')}</span>
          {Object.keys(edit.set).length > 0 && <span class="tag">{text.settings.changed}</span>}
        </summary>
        <div class="row-body" ref={body}>
          {wrong}
          {main.map(field)}
          {more.length > 0 && (
            <details open={more.some((one) => problems.has(one.path))}>
              <summary data-testid="row-more">{text.settings.list.more}</summary>
              <div class="row-body">{more.map(field)}</div>
            </details>
          )}
          {remove}
        </div>
      </details>
    </li>
  );
}
