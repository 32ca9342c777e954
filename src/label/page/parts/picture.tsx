import { useState } from 'preact/hooks';
import { useText } from '../context.js';
import { Icon } from './icon.js';

export function pictureUrl(sample: string, size?: 'small'): string {
  return `/api/pictures/${encodeURIComponent(sample)}${size === undefined ? '' : `?size=${size}`}`;
}

/** A kept picture; says so where it is no longer kept. */
export function Picture({ sample, size, alt }: { sample: string; size?: 'small'; alt: string }) {
  const text = useText();
  const [failed, setFailed] = useState<string | null>(null);
  if (failed === sample) {
    return (
      <span class="no-picture" role="img" aria-label={text.common.noPicture} title={text.common.noPicture}>
        <Icon name="live" />
      </span>
    );
  }
  return (
    <img
      class="picture"
      src={pictureUrl(sample, size)}
      alt={alt}
      loading="lazy"
      decoding="async"
      draggable={false}
      onError={() => setFailed(sample)}
    />
  );
}
