import type { AskReason, Card } from '../../api.js';
import { useLanguage, useText } from '../context.js';
import { percent } from '../format.js';
import { Ago } from '../parts/ago.js';
import { Icon, type IconName } from '../parts/icon.js';

const ICONS: Record<AskReason, IconName> = {
  novel: 'spark',
  unsure: 'questions',
  different: 'eye',
  disagreement: 'warning',
};

/** Why the device asks, and what it would have answered. */
export function Reason({ card }: { card: Card }) {
  const text = useText();
  const language = useLanguage();
  const { answer, weak, reason } = card;
  return (
    <div class="reason" data-testid="reason" data-reason={reason}>
      <p class="reason-head">
        <span class={`tag ${reason}`}>
          <Icon name={ICONS[reason]} />
          {text.questions.reasonTag[reason]}
        </span>
        <span class="muted small">
          {card.source} · <Ago at={card.at} />
        </span>
      </p>
      <p>
        {text.questions.reason[reason]}{' '}
        {answer !== null && !answer.novel && answer.label !== null && (
          <span class="muted">
            {text.questions.guess(answer.label, percent(answer.probability, language))}
          </span>
        )}
      </p>
      {weak !== null && (
        <p class="muted small">
          {text.questions.weak(weak.source, weak.label, percent(weak.trust, language))}
        </p>
      )}
    </div>
  );
}
