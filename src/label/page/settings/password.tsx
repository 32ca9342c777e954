import { useState } from 'preact/hooks';
import { useApp, useStore, useText } from '../context.js';
import { Icon } from '../parts/icon.js';
import { PasswordField } from '../parts/password-field.js';

/** Changes the password of the page. */
export function Password() {
  const { api, actions } = useApp();
  const text = useText();
  const shortest = useStore((state) => state.session?.shortest ?? 0);
  const [before, setBefore] = useState('');
  const [after, setAfter] = useState('');
  const [error, setError] = useState<string | null>(null);
  const [busy, setBusy] = useState(false);
  const change = async (event: Event) => {
    event.preventDefault();
    setBusy(true);
    setError(null);
    try {
      await api.changePassword(before, after);
      setBefore('');
      setAfter('');
      actions.tell(text.settings.changedPassword);
    } catch (thrown) {
      setError(actions.explain(thrown));
    }
    setBusy(false);
  };
  return (
    <section class="card stack">
      <h2>{text.settings.account}</h2>
      <form class="stack" onSubmit={change}>
        <PasswordField
          label={text.settings.before}
          value={before}
          onValue={setBefore}
          kind="current-password"
          wrong={error !== null}
          testId="password-before"
        />
        <PasswordField
          label={text.settings.after}
          value={after}
          onValue={setAfter}
          kind="new-password"
          hint={`${text.login.shortest(shortest)} ${text.settings.accountHint}`}
          testId="password-after"
        />
        <div role="alert" class="alert-place">
          {error !== null && (
            <p class="note error">
              <Icon name="warning" />
              {error}
            </p>
          )}
        </div>
        <button
          type="submit"
          class="button"
          disabled={busy || before === '' || after.length < shortest}
          data-testid="password-change"
        >
          {text.settings.change}
        </button>
      </form>
    </section>
  );
}
