import type { Card } from '../../api.js';
import { useText } from '../context.js';
import { ClassButton } from '../parts/class-button.js';
import { Icon } from '../parts/icon.js';

interface Props {
  card: Card;
  task: string | null;
  classes: string[];
  guess: string | null;
  onPick: (label: string) => void;
  onNew: () => void;
}

/** The classes to tap, always in the same places; the keys 1 to 9 do the same for the first nine. */
export function QuestionClasses({ card, task, classes, guess, onPick, onNew }: Props) {
  const text = useText();
  const answer = card.answer?.task === task ? card.answer : null;
  const shares = new Map(answer?.all.map(({ label, probability }) => [label, probability]));
  return (
    <fieldset class="classes" aria-label={text.questions.prompt} data-testid="classes">
      {classes.map((label, index) => (
        <ClassButton
          key={label}
          label={label}
          probability={answer?.novel ? undefined : shares.get(label)}
          hint={index < 9 ? String(index + 1) : undefined}
          suggested={label === guess}
          onPick={() => onPick(label)}
        />
      ))}
      <button type="button" class="class new" data-testid="new-class" onClick={onNew}>
        <Icon name="plus" />
        <span class="class-name">{task === null ? text.questions.newTask : text.questions.newClass}</span>
      </button>
    </fieldset>
  );
}
