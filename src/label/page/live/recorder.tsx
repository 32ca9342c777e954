import { useState } from 'preact/hooks';
import type { RecordingView } from '../../api.js';
import { useLanguage, useText } from '../context.js';
import { integer } from '../format.js';
import { Shutter } from './shutter.js';

const COUNTS = [5, 10, 20, 60];

interface Props {
  source: string;
  task: string;
  label: string;
  recording: RecordingView | null;
  onStarted?: () => void;
}

/** The shutter with how many pictures a tap takes and how far it is. */
export function Recorder({ source, task, label, recording, onStarted }: Props) {
  const text = useText();
  const language = useLanguage();
  const [pictures, setPictures] = useState(10);
  const own = recording?.source === source ? recording : null;
  return (
    <div class="recorder">
      <Shutter
        source={source}
        task={task}
        label={label}
        pictures={pictures}
        recording={own}
        onStarted={onStarted}
      />
      <div class="recorder-side" aria-live="polite">
        {own !== null ? (
          <p data-testid="recording">
            <strong>{text.live.recording(own.label)}</strong>
            <br />
            <span class="muted">
              {text.live.taken(integer(own.taken, language), integer(own.pictures, language))}
            </span>
          </p>
        ) : (
          <>
            <fieldset class="counts">
              <legend>{text.live.pictures}</legend>
              {COUNTS.map((count) => (
                <button
                  key={count}
                  type="button"
                  class="count"
                  aria-pressed={count === pictures}
                  data-testid={`count-${count}`}
                  onClick={() => setPictures(count)}
                >
                  {integer(count, language)}
                </button>
              ))}
            </fieldset>
            <p class="muted small">{text.live.holdHint}</p>
          </>
        )}
      </div>
    </div>
  );
}
