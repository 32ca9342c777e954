import { useState } from 'preact/hooks';
import type { TaskDetail } from '../../api.js';
import { useApp, useLanguage, useText } from '../context.js';
import { integer } from '../format.js';
import { Ago } from '../parts/ago.js';
import { ClassButton } from '../parts/class-button.js';
import { Dialog } from '../parts/dialog.js';
import { Icon } from '../parts/icon.js';
import { Picture } from '../parts/picture.js';

const SHOWN = 12;

interface Props {
  detail: TaskDetail;
  reload: () => void;
}

interface Opened {
  sample: string;
  label: string;
  at: number;
  heldOut: boolean;
}

/** The classes with pictures that are kept of them; a tap corrects one or takes it out. */
export function Examples({ detail, reload }: Props) {
  const text = useText();
  const language = useLanguage();
  const [opened, setOpened] = useState<Opened | null>(null);
  return (
    <section class="card wide" data-testid="examples">
      <h2>{text.task.classes}</h2>
      <ul class="class-list">
        {detail.classes.map(({ label, samples }) => {
          const kept = detail.examples.find((one) => one.label === label)?.samples ?? [];
          return (
            <li key={label}>
              <p class="class-head">
                <strong>{label}</strong>
                <span class="muted small">{text.tasks.samples(integer(samples, language))}</span>
              </p>
              {kept.length === 0 ? (
                <p class="muted small">{text.task.noExamples}</p>
              ) : (
                <ul class="thumbs">
                  {kept.slice(0, SHOWN).map((one) => (
                    <li key={one.sample}>
                      <button
                        type="button"
                        class={`thumb ${one.heldOut ? 'held-out' : ''}`}
                        title={one.heldOut ? text.task.heldOut : undefined}
                        data-testid="example"
                        onClick={() => setOpened({ ...one, label })}
                      >
                        <Picture sample={one.sample} size="small" alt={text.task.example(label)} />
                      </button>
                    </li>
                  ))}
                </ul>
              )}
            </li>
          );
        })}
      </ul>
      {opened !== null && (
        <OneExample detail={detail} opened={opened} reload={reload} onClose={() => setOpened(null)} />
      )}
    </section>
  );
}

function OneExample({
  detail,
  opened,
  reload,
  onClose,
}: {
  detail: TaskDetail;
  opened: Opened;
  reload: () => void;
  onClose: () => void;
}) {
  const { actions } = useApp();
  const text = useText();
  const done = async (changed: Promise<boolean>) => {
    onClose();
    if (await changed) reload();
  };
  return (
    <Dialog title={text.task.example(opened.label)} onClose={onClose} testId="one-example">
      <div class="example-picture">
        <Picture sample={opened.sample} alt={text.common.pictureOf(opened.label)} />
      </div>
      <p class="muted small">
        <Ago at={opened.at} />
        {opened.heldOut && ` · ${text.task.heldOut}`}
      </p>
      {!detail.closed && (
        <>
          <p class="ask">{text.task.relabel}</p>
          <div class="classes">
            {detail.classes.map(({ label }) => (
              <ClassButton
                key={label}
                label={label}
                selected={label === opened.label}
                onPick={() => {
                  if (label === opened.label) onClose();
                  else void done(actions.label(opened.sample, detail.task, label));
                }}
              />
            ))}
          </div>
          <button
            type="button"
            class="button"
            data-testid="remove-sample"
            onClick={() => void done(actions.remove(opened.sample))}
          >
            <Icon name="trash" />
            {text.task.remove}
          </button>
        </>
      )}
    </Dialog>
  );
}
