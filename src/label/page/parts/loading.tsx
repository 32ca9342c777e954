import { useText } from '../context.js';

export function Loading() {
  const text = useText();
  return (
    <p class="loading" role="status">
      <span class="spinner" aria-hidden="true" />
      {text.common.loading}
    </p>
  );
}
