// Before and after under one slider: drag, or arrow keys; wheel, plus and minus zoom into both alike.

import { fileUrl } from "./api.js";
import { classes, html, useEffect, useRef, useState } from "./dom.js";
import { Button } from "./parts.js";

const limited = (value, low, high) => Math.min(high, Math.max(low, value));

export function CompareSlider({ before, after, labels = ["Before", "After"], alt = "image", pixels }) {
  const [share, setShare] = useState(0.5);
  const [view, setView] = useState({ zoom: 1, x: 0, y: 0 });
  const box = useRef();
  const drag = useRef(null);
  useEffect(() => setView({ zoom: 1, x: 0, y: 0 }), [before, after]);

  // x and y are shares of the box, so that the same part stays in sight when the window changes.
  const moved = ({ zoom, x, y }) => ({ zoom, x: limited(x, 1 - zoom, 0), y: limited(y, 1 - zoom, 0) });
  const zoomAt = (factor, px, py) =>
    setView((old) => {
      const zoom = limited(old.zoom * factor, 1, 16);
      const by = zoom / old.zoom;
      return moved({ zoom, x: px - (px - old.x) * by, y: py - (py - old.y) * by });
    });
  const centreZoom = (factor) => zoomAt(factor, 0.5, 0.5);

  useEffect(() => {
    const wheel = (event) => {
      if (!event.ctrlKey && !event.metaKey && view.zoom === 1 && event.deltaY > 0) return; // let the page scroll
      event.preventDefault();
      const { left, top, width, height } = box.current.getBoundingClientRect();
      zoomAt(event.deltaY < 0 ? 1.2 : 1 / 1.2, (event.clientX - left) / width, (event.clientY - top) / height);
    };
    const element = box.current;
    element.addEventListener("wheel", wheel, { passive: false });
    return () => element.removeEventListener("wheel", wheel);
  }, [view.zoom]);

  const down = (event) => {
    const { left, width } = box.current.getBoundingClientRect();
    const near = Math.abs(event.clientX - left - share * width) < 30;
    const pan = view.zoom > 1 && !near;
    drag.current = { pan, x: event.clientX, y: event.clientY, view };
    box.current.setPointerCapture(event.pointerId);
    if (!pan) setShare(limited((event.clientX - left) / width, 0, 1));
  };
  const move = (event) => {
    if (!drag.current) return;
    const { left, width, height } = box.current.getBoundingClientRect();
    const { pan, view: before, x, y } = drag.current;
    if (pan) setView(moved({ ...before, x: before.x + (event.clientX - x) / width, y: before.y + (event.clientY - y) / height }));
    else setShare(limited((event.clientX - left) / width, 0, 1));
  };
  const keys = (event) => {
    const step = event.shiftKey ? 0.1 : 0.02;
    const moves = { ArrowLeft: -step, ArrowRight: step, Home: -1, End: 1 };
    if (event.key in moves) setShare((old) => limited(old + moves[event.key], 0, 1));
    else if (event.key === "+" || event.key === "=") centreZoom(1.5);
    else if (event.key === "-") centreZoom(1 / 1.5);
    else if (event.key === "0") setView({ zoom: 1, x: 0, y: 0 });
    else return;
    event.preventDefault();
  };
  const transform = { transform: `translate(${100 * view.x}%, ${100 * view.y}%) scale(${view.zoom})` };
  const hard = pixels || view.zoom >= 4;
  return html`<div class="stack close">
    <div ref=${box} class=${classes("slider-view", view.zoom > 1 && "zoomed")} tabindex="0" role="slider" aria-label=${`Divider between ${labels[0]} and ${labels[1]} of ${alt}`}
      aria-valuemin="0" aria-valuemax="100" aria-valuenow=${Math.round(100 * share)} aria-valuetext=${`${Math.round(100 * share)} % ${labels[0]}`}
      onPointerDown=${down} onPointerMove=${move} onPointerUp=${() => (drag.current = null)} onPointerCancel=${() => (drag.current = null)} onKeyDown=${keys}>
      <div class="layer"><img class=${hard ? "pixels" : undefined} src=${fileUrl(after)} alt=${`${alt}, ${labels[1]}`} draggable=${false} style=${transform} /></div>
      <div class="layer" style=${{ clipPath: `inset(0 ${100 - 100 * share}% 0 0)` }}><img class=${hard ? "pixels" : undefined} src=${fileUrl(before)} alt=${`${alt}, ${labels[0]}`} draggable=${false} style=${transform} /></div>
      <span class="handle" style=${{ left: `${100 * share}%` }}></span>
      <span class="tag left">${labels[0]}</span><span class="tag right">${labels[1]}</span>
    </div>
    <div class="row tight">
      <${Button} size="small" aria-label="Zoom out" disabled=${view.zoom === 1} onClick=${() => centreZoom(1 / 1.5)}>−</${Button}>
      <span class="small muted number" style=${{ minWidth: "3.5em", textAlign: "center" }}>${Math.round(100 * view.zoom)} %</span>
      <${Button} size="small" aria-label="Zoom in" disabled=${view.zoom >= 16} onClick=${() => centreZoom(1.5)}>+</${Button}>
      ${view.zoom > 1 && html`<${Button} size="small" kind="quiet" onClick=${() => setView({ zoom: 1, x: 0, y: 0 })}>Fit</${Button}>`}
      <span class="grow"></span>
      <a class="button small" href=${fileUrl(after)} download>Save ${labels[1].toLowerCase()}</a>
    </div>
  </div>`;
}
