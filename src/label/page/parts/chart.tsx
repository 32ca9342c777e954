import { useEffect, useRef } from 'preact/hooks';
import uPlot from 'uplot';
import 'uplot/dist/uPlot.min.css';
import { useLanguage, useStore } from '../context.js';
import { type Language, percent } from '../format.js';

interface Props {
  /** What a screen reader says in place of the drawing. */
  summary: string;
  /** Of the horizontal axis: seconds since 1970 where `time` is set. */
  x: number[];
  y: (number | null)[];
  /** A second line, drawn dashed: what is expected or compared with. */
  second?: (number | null)[];
  /** Half the height of the band around `y`. */
  spread?: number[];
  time?: boolean;
  nameX: string;
  nameY: string;
}

const HEIGHT = 220;
/** Steps of the vertical axis: whole percentage points, so that no two are written the same. */
const SHARES = [0.01, 0.02, 0.05, 0.1, 0.2, 0.25, 0.5];

/** Shares between 0 and 1 over time or over a count. Drawn anew where its width, the colours or the figures change. */
export function Chart(props: Props) {
  const ref = useRef<HTMLDivElement>(null);
  const language = useLanguage();
  const theme = useStore((state) => state.theme);
  const figures = JSON.stringify([props.x, props.y, props.second, props.spread]);
  useEffect(() => {
    const place = ref.current!;
    let plot: uPlot | null = null;
    const draw = () => {
      plot?.destroy();
      plot = new uPlot(optionsOf(props, place, language), dataOf(props), place);
    };
    draw();
    const resized = new ResizeObserver(() => plot?.setSize({ width: place.clientWidth, height: HEIGHT }));
    resized.observe(place);
    const dark = matchMedia('(prefers-color-scheme: dark)');
    dark.addEventListener('change', draw);
    return () => {
      dark.removeEventListener('change', draw);
      resized.disconnect();
      plot?.destroy();
    };
  }, [figures, theme, language]);
  return <div class="chart" ref={ref} role="img" aria-label={props.summary} />;
}

function dataOf({ x, y, second, spread }: Props): uPlot.AlignedData {
  const data: (number | null)[][] = [x, y];
  if (spread !== undefined) {
    data.push(y.map((value, at) => (value === null ? null : Math.min(1, value + spread[at]!))));
    data.push(y.map((value, at) => (value === null ? null : Math.max(0, value - spread[at]!))));
  }
  if (second !== undefined) data.push(second);
  return data as uPlot.AlignedData;
}

function optionsOf(props: Props, place: HTMLElement, language: Language): uPlot.Options {
  const style = getComputedStyle(place);
  const color = (name: string) => style.getPropertyValue(name).trim();
  const share = (_: uPlot, value: number | null) =>
    value === null || value === undefined ? '–' : percent(value, language, 1);
  const font = `12px ${style.fontFamily}`;
  const axis: uPlot.Axis = {
    stroke: color('--muted'),
    font,
    grid: { stroke: color('--line'), width: 1 },
    ticks: { show: false },
  };
  const line: uPlot.Series = {
    label: props.nameY,
    stroke: color('--moss'),
    width: 2,
    spanGaps: true,
    value: share,
    points: { show: props.x.length < 40, size: 6, fill: color('--moss'), stroke: color('--surface') },
  };
  const edge: uPlot.Series = { stroke: 'transparent', width: 0, points: { show: false } };
  const series: uPlot.Series[] = [
    { label: props.nameX, value: props.time ? (_, at) => timeOf(at, language) : undefined },
    line,
    ...(props.spread === undefined ? [] : [edge, edge]),
    ...(props.second === undefined
      ? []
      : [
          {
            ...line,
            stroke: color('--gold'),
            dash: [5, 5],
            points: { ...line.points, show: true, fill: color('--gold') },
          },
        ]),
  ];
  return {
    width: place.clientWidth,
    height: HEIGHT,
    series,
    bands: props.spread === undefined ? undefined : [{ series: [2, 3], fill: color('--moss-band') }],
    legend: { show: false },
    cursor: { y: false, drag: { x: false, y: false } },
    scales: {
      x: {
        time: props.time === true,
        range: (_, from, to) => (from === to ? [from - 1, to + 1] : [from, to]),
      },
      y: { range: (_, from, to) => rangeOf(from, to) },
    },
    axes: [
      {
        ...axis,
        label: props.time ? undefined : props.nameX,
        labelSize: 20,
        labelFont: font,
        size: 28,
        space: 70,
        values: props.time ? (_, at) => dayOrTime(at, language) : undefined,
      },
      {
        ...axis,
        size: 48,
        incrs: SHARES,
        values: (_, shares) => shares.map((one) => (one > 1 ? '' : percent(one, language))),
      },
    ],
    padding: [10, 14, 0, 0],
    plugins: [tooltip(props, language)],
  };
}

/** A tenth more than the figures on both sides, within 0 and 1. */
function rangeOf(from: number, to: number): [number, number] {
  const margin = Math.max(0.02, (to - from) * 0.1);
  return [Math.max(0, from - margin), Math.min(1.005, to + margin)];
}

function timeOf(at: number | null, language: Language): string {
  if (at === null) return '';
  return new Intl.DateTimeFormat(language, { dateStyle: 'medium', timeStyle: 'short' }).format(at * 1000);
}

/** Times of day where the axis spans less than two days, else days. */
function dayOrTime(at: number[], language: Language): string[] {
  const short = at.length > 1 && at.at(-1)! - at[0]! < 2 * 86_400;
  const format = new Intl.DateTimeFormat(
    language,
    short ? { hour: '2-digit', minute: '2-digit', hour12: false } : { day: 'numeric', month: 'short' },
  );
  return at.map((one) => format.format(one * 1000));
}

/** What is under the pointer, in a small box above the drawing. */
function tooltip({ time }: Props, language: Language): uPlot.Plugin {
  const box = document.createElement('div');
  box.className = 'chart-tip';
  box.hidden = true;
  return {
    hooks: {
      init: (plot) => {
        plot.over.append(box);
      },
      setCursor: (plot) => {
        const { idx } = plot.cursor;
        const value = idx == null ? null : (plot.data[1]![idx] ?? plot.data.at(-1)![idx]);
        box.hidden = value == null;
        if (idx == null || value == null) return;
        const x = plot.data[0][idx]!;
        box.textContent = `${time ? timeOf(x, language) : new Intl.NumberFormat(language).format(x)}: ${percent(value, language, 1)}`;
        const left = plot.valToPos(x, 'x');
        const width = plot.over.clientWidth;
        // Through the object model: the page's policy forbids style attributes.
        box.style.left = `${Math.min(Math.max(left, 60), width - 60)}px`;
      },
    },
  };
}
