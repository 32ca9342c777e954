import { useLanguage, useStore, useText } from '../context.js';
import { Icon } from '../parts/icon.js';
import { undoText } from '../parts/undo-bar.js';

interface Props {
  onSkip: () => void;
  onBad: () => void;
  onNewTask: () => void;
  onUndo: () => void;
}

/** What can be done with a question but to answer it. */
export function QuestionTools({ onSkip, onBad, onNewTask, onUndo }: Props) {
  const text = useText();
  return (
    <div class="question-tools">
      <button type="button" class="button" data-testid="skip" onClick={onSkip}>
        <Icon name="skip" />
        {text.questions.skip}
      </button>
      <button type="button" class="button" data-testid="bad" title={text.questions.badHint} onClick={onBad}>
        <Icon name="trash" />
        {text.questions.bad}
      </button>
      <button type="button" class="button" data-testid="question-new-task" onClick={onNewTask}>
        <Icon name="plus" />
        {text.questions.newTask}
      </button>
      <UndoButton onUndo={onUndo} />
    </div>
  );
}

/** Takes the last answer back, for as long as the device can. */
export function UndoButton({ onUndo }: { onUndo: () => void }) {
  const text = useText();
  const there = useStore((state) => state.overview?.undo != null);
  return (
    <button type="button" class="button" data-testid="undo" disabled={!there} onClick={onUndo}>
      <Icon name="undo" />
      {text.common.undo}
    </button>
  );
}

/** What was done last and what came of it, in one line that keeps its place. */
export function LastThing() {
  const text = useText();
  const language = useLanguage();
  const undo = useStore((state) => state.overview?.undo ?? null);
  const learned = useStore((state) => state.learned);
  return (
    <p class="last-thing small" aria-live="polite" data-testid="last-thing">
      {undo !== null && (
        <>
          <Icon name="check" />
          <span>
            <strong>{undoText(undo, text, language)}</strong>{' '}
            {learned?.undo === undo.id && <span data-testid="learned">{learned.text}</span>}
          </span>
        </>
      )}
    </p>
  );
}
