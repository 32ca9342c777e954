import { useState } from 'preact/hooks';
import type { SessionView } from '../../api.js';
import { useApp, useText } from '../context.js';
import { Icon } from '../parts/icon.js';
import { PasswordField } from '../parts/password-field.js';
import { Rosette } from '../parts/rosette.js';

/** Whoever opens the page first sets its password, on the device itself; everybody else logs in. */
export function LoginPage({ session }: { session: SessionView }) {
  return (
    <main class="alone login" data-testid={`login-${session.state}`}>
      <div class="login-card">
        <Rosette size={64} />
        {session.state === 'locked' ? (
          <LogIn session={session} />
        ) : session.local ? (
          <FirstPassword session={session} />
        ) : (
          <SetElsewhere />
        )}
      </div>
      <p class="muted small">Lichen {session.version}</p>
    </main>
  );
}

/** Sends a form once at a time and keeps what the device said against it. */
function useSubmit(send: () => Promise<void>) {
  const { actions } = useApp();
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<string | null>(null);
  const submit = async (event: Event) => {
    event.preventDefault();
    if (busy) return;
    setBusy(true);
    setError(null);
    try {
      await send();
    } catch (thrown) {
      setError(actions.explain(thrown));
    }
    setBusy(false);
  };
  return { busy, error, submit };
}

function LogIn({ session }: { session: SessionView }) {
  const { api } = useApp();
  const text = useText();
  const [password, setPassword] = useState('');
  const { busy, error, submit } = useSubmit(() => api.login(password));
  return (
    <>
      <h1>{text.login.title(session.device)}</h1>
      <p class="muted">{text.login.lead}</p>
      <form class="stack" onSubmit={submit}>
        <input type="text" hidden autocomplete="username" value={session.device} readOnly />
        <PasswordField
          label={text.login.password}
          value={password}
          onValue={setPassword}
          kind="current-password"
          wrong={error !== null}
          testId="password"
          focus
        />
        <FormError error={error} />
        <button
          type="submit"
          class="button primary big"
          disabled={busy || password === ''}
          data-testid="login"
        >
          {text.login.submit}
        </button>
      </form>
      <p class="muted small">
        {text.login.forgot} <code>lichen password</code>
      </p>
    </>
  );
}

function FirstPassword({ session }: { session: SessionView }) {
  const { api } = useApp();
  const text = useText();
  const [password, setPassword] = useState('');
  const [again, setAgain] = useState('');
  const differ = again !== '' && !password.startsWith(again);
  const { busy, error, submit } = useSubmit(() => api.firstPassword(password));
  return (
    <>
      <h1>{text.login.firstTitle}</h1>
      <p class="muted">{text.login.firstLead}</p>
      <form class="stack" onSubmit={submit}>
        <input type="text" hidden autocomplete="username" value={session.device} readOnly />
        <PasswordField
          label={text.login.firstPassword}
          value={password}
          onValue={setPassword}
          kind="new-password"
          hint={text.login.shortest(session.shortest)}
          testId="first-password"
          focus
        />
        <PasswordField
          label={text.login.again}
          value={again}
          onValue={setAgain}
          kind="new-password"
          hint={differ ? text.login.differ : undefined}
          wrong={differ}
          testId="first-again"
        />
        <FormError error={error} />
        <button
          type="submit"
          class="button primary big"
          disabled={busy || password.length < session.shortest || password !== again}
          data-testid="first-submit"
        >
          {text.login.firstSubmit}
        </button>
      </form>
    </>
  );
}

/** No password yet, and this browser is not on the device. */
function SetElsewhere() {
  const { api, actions } = useApp();
  const text = useText();
  const port = location.port || (location.protocol === 'https:' ? '443' : '80');
  return (
    <>
      <h1>{text.login.awayTitle}</h1>
      <p class="muted">{text.login.awayLead}</p>
      <ol class="ways">
        <li>
          <h2>{text.login.wayCommand}</h2>
          <Command text="lichen password" />
        </li>
        <li>
          <h2>{text.login.wayTunnel}</h2>
          <Command text={`ssh -L 8443:localhost:${port} ${location.hostname}`} />
          <p class="muted small">
            {text.login.tunnelThen} <code>{`${location.protocol}//localhost:8443`}</code>
          </p>
        </li>
      </ol>
      <button
        type="button"
        class="button primary big"
        data-testid="first-check"
        onClick={() => void actions.attempt(api.refreshSession())}
      >
        {text.login.awayAgain}
      </button>
    </>
  );
}

/** A command to type; it can be copied where the browser allows that, which plain HTTP on a network does not. */
function Command({ text: command }: { text: string }) {
  const text = useText();
  const [copied, setCopied] = useState(false);
  return (
    <div class="command">
      <code>{command}</code>
      {navigator.clipboard !== undefined && (
        <button
          type="button"
          class="button ghost round"
          aria-label={copied ? text.login.copied : text.login.copy}
          onClick={() => void navigator.clipboard.writeText(command).then(() => setCopied(true))}
        >
          <Icon name={copied ? 'check' : 'copy'} />
        </button>
      )}
    </div>
  );
}

function FormError({ error }: { error: string | null }) {
  return (
    <div role="alert" class="alert-place">
      {error !== null && (
        <p class="note error" data-testid="form-error">
          <Icon name="warning" />
          {error}
        </p>
      )}
    </div>
  );
}
