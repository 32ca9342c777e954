/** A share as a bar; decorative, so a figure beside it has to say the same. */
export function Bar({ share, tone }: { share: number; tone?: 'gold' | 'sky' | 'light' }) {
  return (
    <span class={`bar ${tone ?? ''}`} aria-hidden="true">
      <span class="fill" style={{ transform: `scaleX(${Math.min(1, Math.max(0, share))})` }} />
    </span>
  );
}
