interface Props<T extends string> {
  label: string;
  value: T;
  options: { value: T; name: string }[];
  onPick: (value: T) => void;
}

/** One of a few, side by side. */
export function Segmented<T extends string>({ label, value, options, onPick }: Props<T>) {
  return (
    <fieldset class="segmented" aria-label={label}>
      {options.map((option) => (
        <button
          key={option.value}
          type="button"
          aria-pressed={option.value === value}
          data-testid={`pick-${option.value}`}
          onClick={() => onPick(option.value)}
        >
          {option.name}
        </button>
      ))}
    </fieldset>
  );
}
