import { useEffect, useRef, useState } from 'preact/hooks';
import type { Overview } from '../../api.js';
import { useApp, useLanguage, useStore, useText } from '../context.js';
import { integer } from '../format.js';
import { className, taskName } from '../names.js';
import { Icon } from '../parts/icon.js';
import { TextField } from '../parts/text-field.js';
import { AnswerOverlay } from './answer.js';
import { Recorder } from './recorder.js';
import { useShownFrame } from './shown-frame.js';
import { Stage } from './stage.js';

/** Teaches a task step by step: its name, then class after class by showing each. */
export function FirstTask({ overview }: { overview: Overview }) {
  const { store } = useApp();
  const text = useText();
  const task = useStore((state) => state.teaching?.task ?? null);
  const [label, setLabel] = useState<string | null>(null);
  const step = task === null ? 1 : label === null ? 2 : 3;
  const finish = () => store.set({ teaching: null });
  return (
    <div class="first" data-testid="first-task">
      <header class="page-head">
        <h1>{overview.tasks.length === 0 || task !== null ? text.first.title : text.first.titleNew}</h1>
        {overview.tasks.length > 0 && (
          <button type="button" class="button" data-testid="finish" onClick={finish}>
            {step === 1 ? text.common.cancel : text.first.finish}
          </button>
        )}
      </header>
      <ol class="steps" aria-label={text.first.step(String(step))}>
        {[1, 2, 3].map((one) => (
          <li
            key={one}
            class={one < step ? 'done' : one === step ? 'now' : ''}
            aria-current={one === step ? 'step' : undefined}
          />
        ))}
      </ol>
      {task === null ? (
        <NameTask onNamed={(name) => store.set({ teaching: { task: name } })} />
      ) : label === null ? (
        <NameClass overview={overview} task={task} onNamed={setLabel} />
      ) : (
        <ShowClass
          overview={overview}
          task={task}
          label={label}
          onNext={() => setLabel(null)}
          onFinish={finish}
        />
      )}
    </div>
  );
}

function NameTask({ onNamed }: { onNamed: (task: string) => void }) {
  const text = useText();
  const [typed, setTyped] = useState('');
  const name = taskName(typed);
  return (
    <form
      class="card stack"
      onSubmit={(event) => {
        event.preventDefault();
        if (name !== null) onNamed(name);
      }}
    >
      <h2>{text.first.stepTask}</h2>
      <p class="muted">{text.first.lead}</p>
      <TextField
        label={text.first.taskName}
        value={typed}
        onValue={setTyped}
        hint={typed.trim() !== '' && name === null ? text.first.taskRule : text.first.stepTaskHint}
        invalid={typed.trim() !== '' && name === null}
        testId="first-task-name"
        focus
      />
      <button type="submit" class="button primary big" disabled={name === null} data-testid="first-next">
        {text.first.next}
      </button>
    </form>
  );
}

function NameClass({
  overview,
  task,
  onNamed,
}: {
  overview: Overview;
  task: string;
  onNamed: (label: string) => void;
}) {
  const text = useText();
  const language = useLanguage();
  const [typed, setTyped] = useState('');
  const name = className(typed);
  const known = overview.tasks.find((one) => one.task === task)?.classes ?? [];
  return (
    <form
      class="card stack"
      onSubmit={(event) => {
        event.preventDefault();
        if (name !== null) onNamed(name);
      }}
    >
      <h2>{known.length === 0 ? text.first.stepClass : text.first.stepClassNext}</h2>
      {known.length > 0 && (
        <ul class="taught" aria-label={text.first.classes}>
          {known.map(({ label, samples }) => (
            <li key={label}>
              <Icon name="check" />
              {label} <span class="muted">{integer(samples, language)}</span>
            </li>
          ))}
        </ul>
      )}
      <TextField
        label={text.first.className}
        value={typed}
        onValue={setTyped}
        hint={text.first.stepClassHint}
        testId="first-class-name"
        focus
      />
      <button type="submit" class="button primary big" disabled={name === null} data-testid="first-next">
        {text.first.next}
      </button>
    </form>
  );
}

interface ShowProps {
  overview: Overview;
  task: string;
  label: string;
  onNext: () => void;
  onFinish: () => void;
}

function ShowClass({ overview, task, label, onNext, onFinish }: ShowProps) {
  const text = useText();
  const language = useLanguage();
  const sending = useStore((state) => overview.sources.find((one) => state.frames[one.source])?.source);
  const [chosen, setSource] = useState<string | null>(null);
  const source = chosen ?? sending ?? overview.sources[0]?.source ?? '';
  const newest = useStore((state) => state.frames[source]);
  const shown = useShownFrame(newest);
  const known = overview.tasks.find((one) => one.task === task)?.classes ?? [];
  const samples = known.find((one) => one.label === label)?.samples ?? 0;
  const recording = overview.recording;
  const done = samples > 0 && recording === null;
  const next = useRef<HTMLButtonElement>(null);
  useEffect(() => {
    if (done) next.current?.focus();
  }, [done]);
  return (
    <section class="card stack">
      <h2>{text.first.stepRecord(label)}</h2>
      {overview.sources.length > 1 && (
        <select
          value={source}
          aria-label={text.first.stepRecord(label)}
          onChange={({ currentTarget: { value } }) => setSource(value)}
        >
          {overview.sources.map((one) => (
            <option key={one.source} value={one.source}>
              {one.source}
            </option>
          ))}
        </select>
      )}
      <Stage shown={shown} alt={label}>
        {/* With one class there is one answer, whatever it sees. */}
        {shown?.frame.answer && done && known.length > 1 && (
          <AnswerOverlay frame={shown.frame} held={false} />
        )}
      </Stage>
      <Recorder source={source} task={task} label={label} recording={recording} />
      {done ? (
        <div class="stack" aria-live="polite">
          <p class="note good" data-testid="first-done">
            <Icon name="check" />
            <span>
              {text.first.done(integer(samples, language), label)}{' '}
              {known.length < 2 ? text.first.oneMore : text.first.ready}
            </span>
          </p>
          <div class="row">
            <button
              ref={next}
              type="button"
              class={`button big ${known.length < 2 ? 'primary' : ''}`}
              data-testid="first-next"
              onClick={onNext}
            >
              <Icon name="plus" />
              {text.live.newClass}
            </button>
            {known.length >= 2 && (
              <button type="button" class="button primary big" data-testid="first-finish" onClick={onFinish}>
                {text.first.finish}
              </button>
            )}
          </div>
        </div>
      ) : (
        <p class="muted small">{text.first.stepRecordHint}</p>
      )}
    </section>
  );
}
