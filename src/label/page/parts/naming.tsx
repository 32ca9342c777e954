import { useState } from 'preact/hooks';
import { useText } from '../context.js';
import { className, taskName } from '../names.js';
import { Dialog } from './dialog.js';
import { TextField } from './text-field.js';

interface Props {
  /** The task that a new class belongs to; null asks for a new task, too. */
  task: string | null;
  onNamed: (task: string, label: string) => void;
  onClose: () => void;
}

/** Names a class, and a task for it where it has none. */
export function Naming({ task, onNamed, onClose }: Props) {
  const text = useText();
  const [typedTask, setTypedTask] = useState('');
  const [typedClass, setTypedClass] = useState('');
  const inTask = task ?? taskName(typedTask);
  const label = className(typedClass);
  return (
    <Dialog
      title={task === null ? text.naming.newTask : text.naming.newClass}
      onClose={onClose}
      testId="naming"
    >
      <form
        class="stack"
        onSubmit={(event) => {
          event.preventDefault();
          if (inTask === null || label === null) return;
          onClose();
          onNamed(inTask, label);
        }}
      >
        {task === null ? (
          <TextField
            label={text.first.taskName}
            value={typedTask}
            onValue={setTypedTask}
            hint={text.first.taskRule}
            invalid={typedTask.trim() !== '' && inTask === null}
            testId="naming-task"
            focus
          />
        ) : (
          <p class="muted">{text.naming.inTask(task)}</p>
        )}
        <TextField
          label={task === null ? text.naming.firstClass : text.first.className}
          value={typedClass}
          onValue={setTypedClass}
          testId="naming-class"
          focus={task !== null}
        />
        <div class="row end">
          <button type="button" class="button" onClick={onClose}>
            {text.common.cancel}
          </button>
          <button
            type="submit"
            class="button primary"
            data-testid="naming-submit"
            disabled={inTask === null || label === null}
          >
            {text.naming.use}
          </button>
        </div>
      </form>
    </Dialog>
  );
}
