import { useState } from 'preact/hooks';
import type { FrameView, TaskView } from '../../api.js';
import { useApp, useText } from '../context.js';
import { AskRow } from '../parts/ask-row.js';
import { ClassButton } from '../parts/class-button.js';
import { Icon } from '../parts/icon.js';
import { Naming } from '../parts/naming.js';

interface Props {
  task: TaskView;
  tasks: TaskView[];
  onTask: (task: string) => void;
  frame: FrameView | null;
  onAim: () => void;
  aimed: { current: FrameView | null };
  onLabelled: () => void;
}

/** One tap says whether the answer is right, or what is right in its place. */
export function CheckPanel({ task, tasks, onTask, frame, onAim, aimed, onLabelled }: Props) {
  const { actions } = useApp();
  const text = useText();
  const [naming, setNaming] = useState<FrameView | null>(null);
  if (frame === null) return <p class="muted">{text.live.waitingForPicture}</p>;
  const answer = frame.answer?.task === task.task ? frame.answer : null;
  const guess = answer !== null && !answer.novel ? answer.label : null;
  const shares = new Map(answer?.all.map(({ label, probability }) => [label, probability]));
  const label = async (name: string, of: FrameView, inTask: string) => {
    aimed.current = null;
    if (await actions.label(of.sample, inTask, name)) onLabelled();
  };
  const others = task.classes.filter((one) => one.label !== guess);
  return (
    <div class="stack" data-testid="check-panel">
      <AskRow
        question={guess === null ? text.live.whatIsIt : text.live.isItRight}
        task={task.task}
        tasks={tasks}
        onPick={onTask}
      />
      {answer?.novel && <p class="muted small">{text.live.novelHint}</p>}
      {guess !== null && (
        <button
          type="button"
          class="button primary big"
          data-testid="yes"
          onPointerDown={onAim}
          onClick={() => {
            const of = aimed.current ?? frame;
            void label(of.answer?.label ?? guess, of, task.task);
          }}
        >
          <Icon name="check" />
          {text.live.yes(guess)}
        </button>
      )}
      {guess !== null && others.length > 0 && <p class="muted small">{text.live.no}</p>}
      <div class="classes">
        {others.map((one) => (
          <ClassButton
            key={one.label}
            label={one.label}
            probability={guess === null ? undefined : shares.get(one.label)}
            onAim={onAim}
            onPick={() => void label(one.label, aimed.current ?? frame, task.task)}
          />
        ))}
        <button
          type="button"
          class="class new"
          data-testid="new-class"
          onPointerDown={onAim}
          onClick={() => setNaming(aimed.current ?? frame)}
        >
          <Icon name="plus" />
          <span class="class-name">{text.live.newClass}</span>
        </button>
      </div>
      {naming !== null && (
        <Naming
          task={task.task}
          onNamed={(inTask, name) => void label(name, naming, inTask)}
          onClose={() => setNaming(null)}
        />
      )}
    </div>
  );
}
