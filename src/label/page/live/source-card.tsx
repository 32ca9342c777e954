import { useRef, useState } from 'preact/hooks';
import type { FrameView, Overview, SourceView } from '../../api.js';
import { useStore, useText } from '../context.js';
import { Ago } from '../parts/ago.js';
import { AskRow } from '../parts/ask-row.js';
import { Icon } from '../parts/icon.js';
import { Segmented } from '../parts/segmented.js';
import { AnswerOverlay, OverTime } from './answer.js';
import { CheckPanel } from './check-panel.js';
import { CountsLine } from './counts-line.js';
import { type ShownFrame, useShownFrame } from './shown-frame.js';
import { Stage } from './stage.js';
import { TeachPanel } from './teach-panel.js';

/** A source: its newest picture, what the device answers, and the taps that correct and teach it. */
export function SourceCard({ source, overview }: { source: SourceView; overview: Overview }) {
  const text = useText();
  const newest = useStore((state) => state.frames[source.source]);
  const current = useShownFrame(newest);
  const [held, setHeld] = useState<ShownFrame | null>(null);
  const [mode, setMode] = useState<'check' | 'teach'>('check');
  const [chosen, setChosen] = useState<string | null>(null);
  /** What was on the screen as the finger went down: the picture may change before it is lifted. */
  const aimed = useRef<FrameView | null>(null);
  const shown = held ?? current;
  const open = overview.tasks.filter(({ closed }) => !closed);
  const answering = overview.activeTask ?? shown?.frame.answer?.task;
  const task =
    overview.tasks.find(({ task }) => task === (chosen ?? answering)) ?? open[0] ?? overview.tasks[0] ?? null;
  const alt =
    shown?.frame.answer?.label ?? (shown?.frame.answer ? text.common.novel : text.live.nothingLearned);
  return (
    <article class="source" data-testid={`source-${source.source}`}>
      <div class="source-main">
        <Stage shown={shown} alt={alt}>
          <div class="stage-top">
            <span class="source-name">{source.source}</span>
            {shown !== null && (
              <button
                type="button"
                class="glass"
                aria-pressed={held !== null}
                aria-label={held === null ? text.live.hold : text.live.go}
                title={held === null ? text.live.hold : text.live.go}
                data-testid="hold"
                onClick={() => setHeld(held === null ? current : null)}
              >
                <Icon name={held === null ? 'pause' : 'play'} />
              </button>
            )}
          </div>
          {shown !== null && <AnswerOverlay frame={shown.frame} held={held !== null} />}
        </Stage>
        {shown !== null && <OverTime frame={shown.frame} />}
        <CountsLine source={source} />
        {source.lastError !== null &&
          source.lastErrorAt !== null &&
          (source.lastFrameAt ?? 0) < source.lastErrorAt && (
            <p class="note error small">
              <Icon name="warning" />
              <span>
                {source.lastError} <Ago at={source.lastErrorAt} />
              </span>
            </p>
          )}
      </div>
      {task !== null && (
        <section class="panel">
          <Segmented
            label={text.live.modes}
            value={mode}
            options={[
              { value: 'check', name: text.live.check },
              { value: 'teach', name: text.live.teach },
            ]}
            onPick={setMode}
          />
          {task.closed ? (
            <>
              {overview.tasks.length > 1 && (
                <AskRow question="" task={task.task} tasks={overview.tasks} onPick={setChosen} />
              )}
              <p class="muted">{text.live.closedTask(task.task)}</p>
            </>
          ) : mode === 'check' ? (
            <CheckPanel
              task={task}
              tasks={overview.tasks}
              onTask={setChosen}
              frame={shown?.frame ?? null}
              onAim={() => {
                aimed.current = shown?.frame ?? null;
              }}
              aimed={aimed}
              onLabelled={() => setHeld(null)}
            />
          ) : (
            <TeachPanel
              task={task}
              tasks={overview.tasks}
              onTask={setChosen}
              source={source.source}
              recording={overview.recording}
            />
          )}
        </section>
      )}
    </article>
  );
}
