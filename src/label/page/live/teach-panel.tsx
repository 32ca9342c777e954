import { useState } from 'preact/hooks';
import type { RecordingView, TaskView } from '../../api.js';
import { useText } from '../context.js';
import { AskRow } from '../parts/ask-row.js';
import { ClassButton } from '../parts/class-button.js';
import { Icon } from '../parts/icon.js';
import { Naming } from '../parts/naming.js';
import { Recorder } from './recorder.js';

interface Props {
  task: TaskView;
  tasks: TaskView[];
  onTask: (task: string) => void;
  source: string;
  recording: RecordingView | null;
}

/** Takes many pictures of a class in a row. */
export function TeachPanel({ task, tasks, onTask, source, recording }: Props) {
  const text = useText();
  const [picked, setPicked] = useState<string | null>(null);
  const [named, setNamed] = useState<string | null>(null);
  const [naming, setNaming] = useState(false);
  const labels = task.classes.map(({ label }) => label);
  const all = named === null || labels.includes(named) ? labels : [...labels, named];
  const label = recording?.label ?? picked ?? all[0] ?? null;
  return (
    <div class="stack" data-testid="teach-panel">
      <AskRow question={text.live.teachWhat} task={task.task} tasks={tasks} onPick={onTask} />
      <div class="classes">
        {all.map((one) => (
          <ClassButton
            key={one}
            label={one}
            selected={one === label}
            disabled={recording !== null}
            onPick={() => setPicked(one)}
          />
        ))}
        <button
          type="button"
          class="class new"
          data-testid="new-class"
          disabled={recording !== null}
          onClick={() => setNaming(true)}
        >
          <Icon name="plus" />
          <span class="class-name">{text.live.newClass}</span>
        </button>
      </div>
      {label !== null && <Recorder source={source} task={task.task} label={label} recording={recording} />}
      {naming && (
        <Naming
          task={task.task}
          onNamed={(_, name) => {
            setNamed(name);
            setPicked(name);
          }}
          onClose={() => setNaming(false)}
        />
      )}
    </div>
  );
}
