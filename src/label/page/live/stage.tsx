import type { ComponentChildren } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import { useText } from '../context.js';
import type { ShownFrame } from './shown-frame.js';

/** The picture of a source, with what lies over it. */
export function Stage({
  shown,
  alt,
  children,
}: {
  shown: ShownFrame | null;
  alt: string;
  children?: ComponentChildren;
}) {
  const text = useText();
  const ref = useRef<HTMLDivElement>(null);
  useEffect(() => {
    // The element that was loaded goes in itself: a second one would ask the device for the picture once more.
    if (shown !== null && ref.current!.firstChild !== shown.image) ref.current!.replaceChildren(shown.image);
  }, [shown?.image]);
  useEffect(() => {
    if (shown !== null) shown.image.alt = alt;
  }, [shown?.image, alt]);
  return (
    <div class="stage" data-testid="stage" data-sample={shown?.frame.sample}>
      <div class="stage-picture" ref={ref} />
      {shown === null && (
        <p class="stage-waiting">
          <span class="spinner" aria-hidden="true" />
          {text.live.waitingForPicture}
        </p>
      )}
      {children}
    </div>
  );
}
