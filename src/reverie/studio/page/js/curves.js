// Curves by uPlot: drag to zoom, double-click to see all again; scale and smoothing are shared.

import uPlot from "../vendor/uPlot.esm.js";
import { html, useEffect, useRef } from "./dom.js";
import { figure } from "./text.js";

const COLOURS = ["#3b6cf0", "#ea580c", "#16a34a", "#9333ea", "#dc2626", "#0891b2", "#a16207", "#db2777", "#64748b", "#65a30d"];

/** Exponential moving average; gaps stay gaps. */
export function smoothed(values, amount) {
  if (!amount) return values;
  let mean = null;
  return values.map((value) => {
    if (value == null) return null;
    mean = mean == null ? value : amount * mean + (1 - amount) * value;
    return mean;
  });
}

/** Series on one horizontal axis: the union of their steps. */
function joined(series, amount) {
  const steps = [...new Set(series.flatMap((one) => one.steps))].sort((a, b) => a - b);
  const place = new Map(steps.map((step, index) => [step, index]));
  const columns = series.map((one) => {
    const column = new Array(steps.length).fill(null);
    smoothed(one.values, amount).forEach((value, index) => (column[place.get(one.steps[index])] = value));
    return column;
  });
  return [steps, ...columns];
}

export function Plot({ title, axis, about, series, smoothing, logarithmic }) {
  const place = useRef();
  const plot = useRef();
  const shape = JSON.stringify([series.map((one) => one.name), logarithmic]);
  const data = joined(series, smoothing);
  useEffect(() => {
    const colour = getComputedStyle(document.documentElement);
    const line = colour.getPropertyValue("--line");
    const text = colour.getPropertyValue("--muted");
    const axes = { stroke: text, grid: { stroke: line, width: 1 }, ticks: { stroke: line }, font: "12px system-ui" };
    plot.current = new uPlot(
      {
        width: place.current.clientWidth, height: 230, cursor: { y: false },
        scales: { x: { time: false }, y: { distr: logarithmic && data.slice(1).flat().every((v) => v == null || v > 0) ? 3 : 1 } },
        axes: [{ ...axes }, { ...axes, size: 58, values: (_, ticks) => ticks.map((tick) => (tick == null ? "" : figure(tick))) }],
        series: [{ label: "step" }, ...series.map((one, index) => ({ label: one.name, stroke: COLOURS[index % COLOURS.length], width: 1.6, spanGaps: true, value: (_, value) => figure(value) }))],
      },
      data, place.current,
    );
    const watch = new ResizeObserver(() => place.current && plot.current.setSize({ width: place.current.clientWidth, height: 230 }));
    watch.observe(place.current);
    return () => (watch.disconnect(), plot.current.destroy());
  }, [shape]);
  useEffect(() => plot.current.setData(data, true), [JSON.stringify(data.map((column) => [column.length, column.at(-1)])), smoothing]);
  return html`<div class="card"><h2>${title}</h2><p class="small muted">${about}</p>
    <div ref=${place} role="img" aria-label=${`${axis} by step: ${series.map((one) => `${one.name} ${figure(one.values.at(-1))}`).join(", ")}`}></div></div>`;
}
