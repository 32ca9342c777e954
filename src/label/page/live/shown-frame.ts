import { useEffect, useRef, useState } from 'preact/hooks';
import type { FrameView } from '../../api.js';
import { pictureUrl } from '../parts/picture.js';

export interface ShownFrame {
  frame: FrameView;
  image: HTMLImageElement;
}

/**
 * The newest frame whose picture has come. The picture, its answer and what a tap is about belong together, so a frame
 * shows only when its picture can; on a slow network frames in between are left out.
 */
export function useShownFrame(newest: FrameView | undefined): ShownFrame | null {
  const [shown, setShown] = useState<ShownFrame | null>(null);
  const wanted = useRef<FrameView | undefined>(undefined);
  const busy = useRef(false);
  const alive = useRef(true);
  wanted.current = newest;
  useEffect(() => {
    alive.current = true;
    return () => {
      alive.current = false;
    };
  }, []);
  useEffect(() => {
    const load = async () => {
      busy.current = true;
      let last: string | undefined;
      while (alive.current && wanted.current !== undefined && wanted.current.sample !== last) {
        const frame = wanted.current;
        last = frame.sample;
        const image = new Image();
        image.draggable = false;
        image.src = pictureUrl(frame.sample);
        // It may be gone already where pictures come faster than they are fetched.
        const came = await image.decode().then(
          () => true,
          () => false,
        );
        if (came && alive.current) setShown({ frame, image });
      }
      busy.current = false;
    };
    if (newest !== undefined && newest.sample !== shown?.frame.sample && !busy.current) void load();
  }, [newest]);
  // The same picture answered anew, as after a label.
  if (shown !== null && newest?.sample === shown.frame.sample) return { frame: newest, image: shown.image };
  return shown;
}
