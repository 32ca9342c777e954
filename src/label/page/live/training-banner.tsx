import type { Overview } from '../../api.js';
import { useLanguage, useText } from '../context.js';
import { integer } from '../format.js';
import { hindranceText } from '../i18n/hindrance.js';
import { Bar } from '../parts/bar.js';

/** How far the training under way is, or why none may start. */
export function TrainingBanner({ overview, task }: { overview: Overview; task?: string }) {
  const text = useText();
  const language = useLanguage();
  const { training, trainingWaits } = overview;
  if (training !== null && (task === undefined || training.task === task)) {
    const { epoch, epochs, loss } = training;
    const running = epoch !== null && epochs !== null;
    return (
      <div class="training" data-testid="training">
        <strong>{text.live.training(training.task)}</strong>
        <span class="muted">
          {running
            ? text.live.epoch(integer(epoch, language), integer(epochs, language))
            : text.live.trainingPreparing}
          {loss !== null && ` · ${text.live.loss(loss.toFixed(3))}`}
        </span>
        <Bar share={running ? epoch / epochs : 0} tone="gold" />
      </div>
    );
  }
  if (trainingWaits === null) return null;
  return (
    <p class="waits muted small" data-testid="training-waits">
      {text.live.waits(hindranceText(trainingWaits, language))}
    </p>
  );
}
