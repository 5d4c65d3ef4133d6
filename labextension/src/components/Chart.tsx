import React from 'react';
import uPlot from 'uplot';
import { measured, steps } from '../model/figures';
import { align, type IChart } from '../model/panels';

const HEIGHT = 150;
const COLOURS = ['brand', 'warn', 'success', 'error', 'accent'];
const DASHES = [[], [6, 3], [2, 3]];

/** The theme's colour for the line at that place; after all of them, the same again with dashes. */
export function colour(place: number, own?: string): string {
  return own ?? `--jp-${COLOURS[place % COLOURS.length]}-color1`;
}

export function dash(place: number): number[] {
  return DASHES[Math.floor(place / COLOURS.length) % DASHES.length];
}

interface IProps {
  panel: IChart;
  /** What its cursor moves with. */
  pane: string;
  /** The span of time that all charts share. */
  from: number;
  to: number;
}

/** One chart: made once, then given new data in place, so that nothing flickers. */
export function Chart(props: IProps): React.ReactElement {
  const { panel, pane, from, to } = props;
  const node = React.useRef<HTMLDivElement>(null);
  const plot = React.useRef<uPlot | null>(null);
  const span = React.useRef<[number, number]>([from, to]);
  const data = align(panel.lines) as uPlot.AlignedData;
  const names = panel.lines.map(line => line.name).join('\n');
  React.useLayoutEffect(() => {
    const made = new uPlot(
      options(node.current!, panel, pane, span),
      data,
      node.current!
    );
    plot.current = made;
    const fit = new ResizeObserver(() => {
      made.setSize({ width: node.current!.clientWidth, height: HEIGHT });
    });
    fit.observe(node.current!);
    const theme = new MutationObserver(() => made.redraw(false, true));
    theme.observe(document.body, {
      attributeFilter: ['data-jp-theme-name', 'data-jp-theme-light']
    });
    return () => {
      fit.disconnect();
      theme.disconnect();
      made.destroy();
    };
    // The lines' names decide what a chart is made of; their data follow below.
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, [names]);
  React.useLayoutEffect(() => {
    span.current = [from, to];
    plot.current?.setData(data);
  });
  return (
    <div
      ref={node}
      className="ihpc-Chart"
      role="img"
      aria-label={`Chart of ${panel.title}; the table below has the figures`}
    />
  );
}

const PATHS: Record<IChart['drawn'], uPlot.Series.PathBuilder | undefined> = {
  dots: () => null,
  steps: uPlot.paths.stepped!({ align: 1 }),
  lines: undefined
};

/** A moment on the time axis: "16:05". */
function clock(at: number): string {
  const at24 = {
    hour: '2-digit',
    minute: '2-digit',
    hourCycle: 'h23'
  } as const;
  return new Date(1000 * at).toLocaleTimeString([], at24);
}

/** Of a line that is but one point nothing else would be seen. */
function isAlone(plot: uPlot, place: number): boolean {
  const values: (number | null | undefined)[] = Array.from(plot.data[place]);
  return values.filter(value => typeof value === 'number').length < 2;
}

/** How wide the axis of values has to be: "1 min 30 s" needs more than most. */
function room(labels: readonly string[] | null): number {
  const longest = Math.max(0, ...(labels ?? []).map(label => label.length));
  return Math.max(62, 22 + 6 * longest);
}

function options(
  node: HTMLElement,
  panel: IChart,
  pane: string,
  span: React.MutableRefObject<[number, number]>
): uPlot.Options {
  const theme = (name: string): string =>
    getComputedStyle(node).getPropertyValue(name).trim();
  const axis = {
    stroke: () => theme('--jp-ui-font-color2'),
    grid: { stroke: () => theme('--jp-border-color2'), width: 0.5 },
    ticks: { stroke: () => theme('--jp-border-color2'), width: 1 },
    font: `11px ${theme('--jp-ui-font-family') || 'sans-serif'}`
  };
  return {
    width: Math.max(1, node.clientWidth),
    height: HEIGHT,
    legend: { show: false },
    cursor: {
      sync: { key: pane },
      drag: { x: false, y: false }
    },
    scales: {
      x: { time: true, range: () => span.current },
      y: {
        range: (_u, _min, max) => [
          0,
          panel.unit === 'ratio' ? 1 : max > 0 ? 1.1 * max : 1
        ]
      }
    },
    axes: [
      { ...axis, size: 30, space: 70, values: (_u, ticks) => ticks.map(clock) },
      {
        ...axis,
        size: (_u, labels) => room(labels),
        incrs: steps(panel.unit),
        values: (_u, ticks) =>
          ticks.map(tick => (tick === 0 ? '0' : measured(tick, panel.unit)))
      }
    ],
    series: [
      {},
      ...panel.lines.map((line, i): uPlot.Series => ({
        label: line.name,
        stroke: () => theme(colour(i, line.colour)),
        width: 1.5,
        dash: line.colour ? [] : dash(i),
        spanGaps: panel.drawn !== 'steps',
        paths: PATHS[panel.drawn],
        points:
          panel.drawn === 'dots'
            ? { show: true, size: 6, fill: () => theme(colour(i, line.colour)) }
            : { show: isAlone, size: 5 }
      }))
    ]
  };
}
