import { useText } from '../context.js';

interface Props {
  question: string;
  task: string;
  tasks: readonly { task: string }[];
  onPick: (task: string) => void;
}

/** What is asked, and beside it which task the answer is for, where there is a choice. */
export function AskRow({ question, task, tasks, onPick }: Props) {
  const text = useText();
  return (
    <div class="ask-row">
      <p class="ask">{question}</p>
      {tasks.length > 1 && (
        <label>
          <span class="visually-hidden">{text.questions.task}</span>
          <select
            class="plain"
            value={task}
            data-testid="label-task"
            onChange={({ currentTarget: { value } }) => onPick(value)}
          >
            {tasks.map((one) => (
              <option key={one.task} value={one.task}>
                {one.task}
              </option>
            ))}
          </select>
        </label>
      )}
    </div>
  );
}
