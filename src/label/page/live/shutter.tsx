import { useRef, useState } from 'preact/hooks';
import type { RecordingView } from '../../api.js';
import { useApp, useLanguage, useText } from '../context.js';
import { integer } from '../format.js';

const HOLD_AFTER_MS = 350;
/** As many as one recording may have. */
const MOST = 60;
const LENGTH = 2 * Math.PI * 45;

interface Props {
  source: string;
  task: string;
  label: string;
  pictures: number;
  recording: RecordingView | null;
  onStarted?: () => void;
}

/** Records pictures of a class: a tap takes a number of them, holding takes them until it is let go. */
export function Shutter({ source, task, label, pictures, recording, onStarted }: Props) {
  const { api, actions } = useApp();
  const text = useText();
  const language = useLanguage();
  const [holding, setHolding] = useState(false);
  const timer = useRef<ReturnType<typeof setTimeout> | undefined>(undefined);
  const started = useRef<Promise<unknown> | null>(null);
  const clickDone = useRef(false);

  const start = (count: number) => {
    onStarted?.();
    started.current = actions.attempt(api.record({ source, task, label, pictures: count }));
  };
  const stop = async () => {
    await started.current;
    // It may have ended by itself just now, which is as good.
    await api.stopRecording().catch(() => undefined);
  };
  const down = (event: PointerEvent) => {
    clickDone.current = false;
    if (recording !== null || event.button !== 0) return;
    (event.currentTarget as HTMLElement).setPointerCapture(event.pointerId);
    timer.current = setTimeout(() => {
      clickDone.current = true;
      setHolding(true);
      start(MOST);
    }, HOLD_AFTER_MS);
  };
  const up = () => {
    clearTimeout(timer.current);
    if (!holding) return;
    setHolding(false);
    void stop();
  };
  const click = () => {
    if (clickDone.current) return;
    if (recording !== null) void stop();
    else start(pictures);
  };
  const share = recording === null ? 0 : recording.taken / recording.pictures;
  return (
    <button
      type="button"
      class={`shutter ${recording !== null ? 'running' : ''}`}
      data-testid="record"
      aria-label={
        recording === null ? `${text.live.record(integer(pictures, language))}: ${label}` : text.live.stop
      }
      onPointerDown={down}
      onPointerUp={up}
      onPointerCancel={up}
      onClick={click}
      onContextMenu={(event) => event.preventDefault()}
    >
      <svg viewBox="0 0 100 100" aria-hidden="true">
        <circle class="shutter-track" cx="50" cy="50" r="45" />
        <circle
          class="shutter-done"
          cx="50"
          cy="50"
          r="45"
          stroke-dasharray={`${LENGTH * share} ${LENGTH}`}
          transform="rotate(-90 50 50)"
        />
        {recording === null ? (
          <circle class="shutter-core" cx="50" cy="50" r="35" />
        ) : (
          <rect class="shutter-core" x="34" y="34" width="32" height="32" rx="6" />
        )}
      </svg>
    </button>
  );
}
