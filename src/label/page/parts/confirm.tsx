import { useText } from '../context.js';
import { Dialog } from './dialog.js';

interface Props {
  title: string;
  explanation: string;
  action: string;
  danger?: boolean;
  onConfirm: () => void;
  onClose: () => void;
}

/** Asks before something that is not undone by a tap. */
export function Confirm({ title, explanation, action, danger, onConfirm, onClose }: Props) {
  const text = useText();
  return (
    <Dialog title={title} onClose={onClose} testId="confirm">
      <p>{explanation}</p>
      <div class="row end">
        <button type="button" class="button" onClick={onClose}>
          {text.common.cancel}
        </button>
        <button
          type="button"
          class={`button ${danger ? 'danger' : 'primary'}`}
          data-testid="confirm-yes"
          onClick={() => {
            onClose();
            onConfirm();
          }}
        >
          {action}
        </button>
      </div>
    </Dialog>
  );
}
