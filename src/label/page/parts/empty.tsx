import type { ComponentChildren } from 'preact';
import { Rosette } from './rosette.js';

/** What a page shows where there is nothing yet. */
export function Empty({
  title,
  children,
  testId,
}: {
  title: string;
  children?: ComponentChildren;
  testId?: string;
}) {
  return (
    <div class="empty" data-testid={testId}>
      <Rosette size={72} />
      <h2>{title}</h2>
      {children}
    </div>
  );
}
