import type { FrameView } from '../../api.js';
import { useLanguage, useText } from '../context.js';
import { percent } from '../format.js';
import { Bar } from '../parts/bar.js';

/** What the device answers for the picture, over its lower edge. */
export function AnswerOverlay({ frame, held }: { frame: FrameView; held: boolean }) {
  const text = useText();
  const language = useLanguage();
  const { answer } = frame;
  const novel = answer?.novel === true;
  return (
    <div class={`answer ${novel ? 'novel' : ''}`} data-testid="answer" data-label={answer?.label ?? ''}>
      {held && <span class="held">{text.live.held}</span>}
      <div class="answer-line">
        <strong class="answer-label">
          {answer === null
            ? text.live.nothingLearned
            : novel || answer.label === null
              ? text.common.novel
              : answer.label}
        </strong>
        {answer !== null && !novel && (
          <span class="answer-share">{percent(answer.probability, language)}</span>
        )}
      </div>
      {answer !== null && !novel && <Bar share={answer.probability} tone="light" />}
    </div>
  );
}

/** What the answers of the last pictures say together. */
export function OverTime({ frame }: { frame: FrameView }) {
  const text = useText();
  const language = useLanguage();
  const { smoothed, answer } = frame;
  if (answer === null) return null;
  return (
    <p class="over-time" data-testid="smoothed" data-label={smoothed?.label ?? ''}>
      <span class="muted">{text.live.overTime}</span>
      {smoothed === null ? (
        <span class="muted">{text.live.undecided}</span>
      ) : (
        <>
          <strong>{smoothed.label ?? text.common.novel}</strong>
          {smoothed.label !== null && <span>{percent(smoothed.probability, language)}</span>}
        </>
      )}
      <span class="muted over-time-version">
        {answer.task} ·{' '}
        {answer.version === 'instant' ? text.live.instant : text.live.version(String(answer.version))}
      </span>
    </p>
  );
}
