import { useEffect } from 'preact/hooks';
import { useApp, useStore, useText } from '../context.js';
import type { Toast } from '../store.js';
import { Icon, type IconName } from './icon.js';

const SHOWN_MS = { good: 4000, info: 5000, warning: 9000, error: 12_000 };
const ICONS: Record<Toast['tone'], IconName> = {
  good: 'check',
  info: 'info',
  warning: 'warning',
  error: 'warning',
};

/** Short messages; those of trouble stay longer. */
export function Toasts() {
  const toasts = useStore((state) => state.toasts);
  return (
    <div class="toasts" role="status" aria-live="polite" data-testid="toasts">
      {toasts.map((toast) => (
        <OneToast key={toast.id} toast={toast} />
      ))}
    </div>
  );
}

function OneToast({ toast }: { toast: Toast }) {
  const { actions } = useApp();
  const text = useText();
  useEffect(() => {
    const timer = setTimeout(() => actions.dismiss(toast.id), SHOWN_MS[toast.tone]);
    return () => clearTimeout(timer);
  }, []);
  return (
    <div class={`toast ${toast.tone}`}>
      <Icon name={ICONS[toast.tone]} />
      <span>{toast.text}</span>
      <button
        type="button"
        class="button ghost round"
        aria-label={text.common.close}
        onClick={() => actions.dismiss(toast.id)}
      >
        <Icon name="cross" />
      </button>
    </div>
  );
}
