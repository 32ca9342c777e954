/** The mark of the family: a lichen's rosette, seen from above. */
export function Rosette({ size }: { size: number }) {
  return (
    <svg class="rosette" viewBox="0 0 64 64" width={size} height={size} aria-hidden="true">
      <g class="lobes">
        <circle cx="32" cy="14" r="11" />
        <circle cx="47" cy="22" r="11" />
        <circle cx="49" cy="39" r="11" />
        <circle cx="38" cy="51" r="11" />
        <circle cx="22" cy="50" r="11" />
        <circle cx="14" cy="37" r="11" />
        <circle cx="18" cy="21" r="11" />
      </g>
      <circle class="middle" cx="32" cy="33" r="18" />
      <g class="cups">
        <circle cx="27" cy="28" r="5" />
        <circle cx="39" cy="31" r="4" />
        <circle cx="31" cy="41" r="4.5" />
      </g>
    </svg>
  );
}
