import { useLayoutEffect, useState } from 'preact/hooks';
import type { Card } from '../../api.js';
import { useLanguage, useStore, useText } from '../context.js';
import { taskOfCard } from '../deck.js';
import { integer } from '../format.js';
import { questionAction } from '../keys.js';
import { AskRow } from '../parts/ask-row.js';
import { Empty } from '../parts/empty.js';
import { Loading } from '../parts/loading.js';
import { Naming } from '../parts/naming.js';
import { Picture } from '../parts/picture.js';
import { QuestionClasses } from '../questions/question-classes.js';
import { LastThing, QuestionTools, UndoButton } from '../questions/question-tools.js';
import { Reason } from '../questions/reason.js';
import { useDeck } from '../questions/use-deck.js';
import { hrefOf } from '../routes.js';

/** What the device asks, one picture at a time. */
export function QuestionsPage() {
  const text = useText();
  const language = useLanguage();
  const deck = useDeck();
  const counts = useStore((state) => state.overview?.queue) ?? deck.counts;
  const undoable = useStore((state) => state.overview?.undo != null);
  const [chosen, setChosen] = useState<string | null>(null);
  const [naming, setNaming] = useState<'class' | 'task' | null>(null);
  const card = deck.cards?.[0];
  const task = card === undefined ? null : taskOfCard(card, deck.tasks, chosen);
  const classes = deck.tasks.find((one) => one.task === task)?.classes ?? [];
  const guess = guessOf(card, task);

  // Before the card is painted, so that a key never means the card before.
  useLayoutEffect(() => {
    const pressed = (event: KeyboardEvent) => {
      if (event.repeat || document.querySelector('dialog[open]') !== null) return;
      const target = event.target as HTMLElement;
      if (target.closest('input, textarea, select') !== null) return;
      // Enter on a button is the button's own.
      if (event.key === 'Enter' && target.closest('button, a') !== null) return;
      const action = questionAction(event, classes.length);
      if (action === null) return;
      event.preventDefault();
      if (action.kind === 'undo') void deck.undo();
      else if (card === undefined) return;
      else if (action.kind === 'class') deck.label(card, task!, classes[action.index]!);
      else if (action.kind === 'confirm' && guess !== null) deck.label(card, task!, guess);
      else if (action.kind === 'skip' || action.kind === 'bad') deck.put(card, action.kind);
      else if (action.kind === 'new') setNaming(task === null ? 'task' : 'class');
    };
    document.addEventListener('keydown', pressed);
    return () => document.removeEventListener('keydown', pressed);
  });

  if (deck.cards === null)
    return deck.failed === null ? <Loading /> : <p class="note error">{deck.failed}</p>;
  return (
    <>
      <header class="page-head">
        <h1>{text.questions.title}</h1>
        {counts !== null && (
          <p class="muted small" data-testid="queue-counts">
            {text.questions.asked(integer(counts.asked, language), integer(counts.perDay, language))}
            {deck.cards.length > 0 && ` · ${text.questions.waiting(integer(counts.waiting, language))}`}
          </p>
        )}
      </header>
      <LastThing />
      {card === undefined ? (
        <Empty title={text.questions.emptyTitle} testId="queue-empty">
          <p class="muted">
            {deck.tasks.length === 0
              ? text.questions.noTasks
              : counts !== null && counts.asked >= counts.perDay
                ? text.questions.emptyDone
                : text.questions.empty}
          </p>
          {counts !== null && counts.candidates > 0 && (
            <p class="muted small">{text.questions.candidates(integer(counts.candidates, language))}</p>
          )}
          <a class="button" href={hrefOf({ page: 'live' })}>
            {text.questions.toLive}
          </a>
          {undoable && <UndoButton onUndo={() => void deck.undo()} />}
        </Empty>
      ) : (
        <article class="question" data-testid="card" data-sample={card.sample}>
          <div class="question-picture">
            {deck.cards.slice(0, 3).map((one, index) => (
              <div key={one.sample} class={index === 0 ? 'front' : 'behind'} aria-hidden={index > 0}>
                <Picture sample={one.sample} alt={index === 0 ? text.questions.largePicture : ''} />
              </div>
            ))}
          </div>
          <div class="question-side">
            <Reason card={card} />
            <AskRow
              question={text.questions.prompt}
              task={task ?? ''}
              tasks={deck.tasks.filter(({ closed }) => !closed)}
              onPick={setChosen}
            />
            <QuestionClasses
              card={card}
              task={task}
              classes={classes}
              guess={guess}
              onPick={(label) => deck.label(card, task!, label)}
              onNew={() => setNaming(task === null ? 'task' : 'class')}
            />
            <QuestionTools
              onSkip={() => deck.put(card, 'skip')}
              onBad={() => deck.put(card, 'bad')}
              onNewTask={() => setNaming('task')}
              onUndo={() => void deck.undo()}
            />
            <p class="keys muted small">{text.questions.keys}</p>
          </div>
          <p class="visually-hidden" aria-live="polite" key={card.sample}>
            {text.questions.next(integer(deck.cards.length, language))}
          </p>
        </article>
      )}
      {naming !== null && card !== undefined && (
        <Naming
          task={naming === 'task' ? null : task}
          onNamed={(inTask, label) => deck.label(card, inTask, label)}
          onClose={() => setNaming(null)}
        />
      )}
    </>
  );
}

/** What the device takes it for, where that can be said in the classes that are shown. */
function guessOf(card: Card | undefined, task: string | null): string | null {
  const answer = card?.answer;
  return answer != null && answer.task === task && !answer.novel ? answer.label : null;
}
