// Curves over training steps, with uPlot: zoom by dragging or keys, log scale, smoothing, several runs.

import { html, useEffect, useMemo, useRef, useState } from "./dom.js";
import { Button, Segmented, Slider } from "./parts.js";
import { useDraft } from "./state.js";
import { capital, figure } from "./text.js";
import uPlot from "../vendor/uPlot.esm.js";

const COLOURS = 6;
const colour = (n) => getComputedStyle(document.documentElement).getPropertyValue(`--series-${(n % COLOURS) + 1}`).trim();
const variable = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

/** Exponential moving average with the bias of its start corrected; `weight` is the share of the past. */
function smoothed(values, weight) {
  if (!weight) return values;
  let mean = 0;
  let power = 1;
  return values.map((value) => {
    if (value == null || !Number.isFinite(value)) return null;
    mean = weight * mean + (1 - weight) * value;
    power *= weight;
    return mean / (1 - power);
  });
}

/** One table of all series on the union of their steps. */
function joined(series) {
  const tables = series.map((one) => [one.steps, one.values.map((value) => (Number.isFinite(value) ? value : null))]);
  return tables.length === 1 ? tables[0] : uPlot.join(tables, tables.map((table) => table.map(() => 1)));
}

function scaleOf(scale, data) {
  if (scale !== "log") return {};
  const positive = data.slice(1).some((values) => values.some((value) => value > 0));
  return positive ? { distr: 3 } : {};
}

function Plot({ title, unit, about, series, scale, smoothing, sync, height = 230 }) {
  const holder = useRef();
  const plot = useRef();
  const [hidden, setHidden] = useState([]);
  const [cursor, setCursor] = useState(null);
  const [zoomed, setZoomed] = useState(false);
  const [dark, setDark] = useState(() => matchMedia("(prefers-color-scheme: dark)").matches);
  useEffect(() => {
    const query = matchMedia("(prefers-color-scheme: dark)");
    const change = () => setDark(query.matches);
    query.addEventListener("change", change);
    return () => query.removeEventListener("change", change);
  }, []);
  const data = useMemo(() => joined(series.map((one) => ({ ...one, values: smoothed(one.values, smoothing) }))), [series, smoothing]);
  const logarithmic = scale === "log";
  const shape = series.map((one) => one.name).join("\n");

  useEffect(() => {
    const axis = { stroke: variable("--muted"), grid: { stroke: variable("--line"), width: 1 }, ticks: { show: false }, font: "12px system-ui, sans-serif" };
    const chart = new uPlot(
      {
        width: holder.current.clientWidth || 300,
        height,
        cursor: { sync: { key: sync, setSeries: false }, drag: { x: true, y: false }, points: { size: 7 }, y: false },
        legend: { show: false },
        scales: { x: { time: false }, y: { ...scaleOf(scale, data), range: logarithmic ? undefined : (u, low, high) => padded(low, high) } },
        axes: [
          { ...axis, size: 34, values: (u, ticks) => ticks.map(shortNumber) },
          { ...axis, size: 54, values: (u, ticks) => ticks.map((tick) => (tick == null ? "" : figure(Number(tick.toPrecision(6))))) },
        ],
        series: [{}, ...series.map((one, n) => ({ label: one.name, stroke: colour(one.colour ?? n), width: 1.6, dash: one.dash, spanGaps: true, show: !hidden.includes(one.name), points: { show: one.steps.length < 12 } }))],
        hooks: {
          setCursor: [(u) => setCursor(u.cursor.idx ?? null)],
          setScale: [(u, key) => key === "x" && setZoomed(isZoomed(u))],
        },
      },
      logarithmic ? onlyPositive(data) : data,
      holder.current,
    );
    plot.current = chart;
    const resize = new ResizeObserver(() => holder.current && chart.setSize({ width: holder.current.clientWidth, height }));
    resize.observe(holder.current);
    return () => {
      resize.disconnect();
      chart.destroy();
    };
  }, [shape, scale, dark, hidden, height]);

  useEffect(() => {
    const chart = plot.current;
    if (!chart) return;
    const range = isZoomed(chart) ? { min: chart.scales.x.min, max: chart.scales.x.max } : null;
    chart.setData(logarithmic ? onlyPositive(data) : data, true);
    if (range) chart.setScale("x", range);
  }, [data]);

  const keys = (event) => {
    const chart = plot.current;
    const { min, max } = chart.scales.x;
    const steps = chart.data[0];
    const [first, last] = [steps[0], steps[steps.length - 1]];
    const width = max - min;
    const middle = (min + max) / 2;
    const moves = {
      "+": [middle - width / 4, middle + width / 4], "=": [middle - width / 4, middle + width / 4], "-": [middle - width, middle + width],
      ArrowLeft: [min - width / 4, max - width / 4], ArrowRight: [min + width / 4, max + width / 4], 0: [first, last], Escape: [first, last],
    };
    const move = moves[event.key];
    if (!move || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    let [from, to] = move;
    if (to - from >= last - first) [from, to] = [first, last];
    else if (from < first) [from, to] = [first, first + to - from];
    else if (to > last) [from, to] = [last - (to - from), last];
    chart.setScale("x", { min: from, max: to });
  };
  const at = cursor ?? data[0].length - 1;
  const words = series.map((one, n) => `${one.name} ${figure(lastOf(data[n + 1], at))}`).join(", ");
  const toggle = (name) => setHidden(hidden.includes(name) ? hidden.filter((one) => one !== name) : [...hidden, name]);
  return html`<div class="plot">
    <div class="plot-head"><h3 title=${about}>${capital(title)}${unit && unit !== title ? html` <span class="muted small">${unit}</span>` : ""}</h3>
      ${zoomed && html`<${Button} size="small" kind="quiet" icon="undo" onClick=${() => plot.current.setScale("x", { min: data[0][0], max: data[0].at(-1) })}>Whole training</${Button}>`}
    </div>
    <div class="plot-area" ref=${holder} tabindex="0" role="img" onKeyDown=${keys}
      aria-label=${`${title} over training steps; at the end: ${words}. Keys: plus and minus zoom, arrows move, 0 shows all.`}></div>
    <div class="legend">
      <span class="number">step ${Number(data[0][at] ?? 0).toLocaleString("en")}</span>
      ${series.map(
        (one, n) => html`<button type="button" key=${one.name} aria-pressed=${String(!hidden.includes(one.name))} onClick=${() => toggle(one.name)} title="Show or hide">
          <i style=${{ color: colour(one.colour ?? n) }}></i>${one.name} <b>${figure(lastOf(data[n + 1], at))}</b></button>`,
      )}
    </div>
  </div>`;
}

const onlyPositive = (data) => [data[0], ...data.slice(1).map((values) => values.map((value) => (value > 0 ? value : null)))];
const shortNumber = (n) => (n >= 1e6 ? `${n / 1e6}M` : n >= 1e4 ? `${n / 1e3}k` : n.toLocaleString("en"));
const isZoomed = (u) => u.scales.x.min != null && u.data[0].length > 1 && (u.scales.x.min > u.data[0][0] || u.scales.x.max < u.data[0].at(-1));

function padded(low, high) {
  if (low == null || high == null) return [0, 1];
  const space = (high - low || Math.abs(high) || 1) * 0.06;
  return [low >= 0 && low - space < 0 ? 0 : low - space, high + space];
}

/** The value at a row, or the nearest one before it that this series has. */
function lastOf(values, at) {
  for (let i = Math.min(at, values.length - 1); i >= 0; i--) if (values[i] != null) return values[i];
  return null;
}

/** Panels of all quantities. `runs` are [{ name, curves }]; with several, each has a colour and each of its series a dash. */
export function Curves({ runs, extra, several }) {
  const [view, setView] = useDraft("curves", { scale: "linear", smoothing: 0 });
  const many = runs.length > 1;
  const panels = useMemo(() => {
    const found = new Map();
    runs.forEach((run, r) => {
      for (const panel of run.curves) {
        const old = found.get(panel.quantity) ?? { ...panel, series: [] };
        panel.series.forEach((one, n) => {
          if (!one.steps.length) return;
          old.series.push({ ...one, name: many ? `${run.name}: ${one.name}` : one.name, colour: many ? r : n, dash: many && n ? [[6, 4], [2, 3], [8, 3, 2, 3]][(n - 1) % 3] : undefined });
        });
        found.set(panel.quantity, old);
      }
    });
    return [...found.values()].filter((panel) => panel.series.length);
  }, [runs]);
  return html`<div class="stack">
    <div class="row wide" style=${{ alignItems: "flex-end" }}>
      <${Segmented} label="Scale of the values" value=${view.scale} onChange=${(scale) => setView({ scale })} options=${[["linear", "Linear"], ["log", "Log"]]} />
      <div style=${{ width: "210px", maxWidth: "100%" }}>
        <${Slider} label="Smoothing" value=${view.smoothing} min=${0} max=${0.99} step=${0.01} onInput=${(smoothing) => setView({ smoothing })} format=${(value) => (value ? String(value) : "off")} />
      </div>
      ${extra}
    </div>
    ${panels.length === 0 && html`<p class="muted">No values yet; the first come after a few steps.</p>`}
    <div class=${several ? "plots several" : "plots"}>
      ${panels.map((panel) => html`<${Plot} key=${panel.quantity} title=${panel.quantity} unit=${panel.unit ?? panel.axis} about=${panel.about} series=${panel.series} scale=${view.scale} smoothing=${view.smoothing} sync="training" />`)}
    </div>
    ${panels.length > 0 && html`<p class="small muted">Drag across a plot to zoom, double-click to see all.</p>`}
  </div>`;
}

