import { useText } from '../context.js';

interface Props {
  busy: boolean;
  testId: string;
  onCancel: () => void;
}

/** What a form with changes ends in: its submit button, and one that takes the changes back. */
export function SaveCancel({ busy, testId, onCancel }: Props) {
  const text = useText();
  return (
    <>
      <button type="submit" class="button primary" disabled={busy} data-testid={testId}>
        {text.common.save}
      </button>
      <button type="button" class="button" disabled={busy} onClick={onCancel}>
        {text.common.cancel}
      </button>
    </>
  );
}
