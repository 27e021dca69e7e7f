// Painting with mouse, pen, finger or keys: strokes on a canvas, with undo.
// `onStrokes(strokes, done)`: `done` is false while a stroke is being drawn.

import { html, useEffect, useRef, useState } from "./dom.js";

/** Strokes: [{ size, erase, points: [[x, y], …] }], with x, y and size as fractions of the width and height. */
export function drawStrokes(canvas, strokes, { colour, background }) {
  const pen = canvas.getContext("2d");
  const { width, height } = canvas;
  pen.globalCompositeOperation = "source-over";
  pen.clearRect(0, 0, width, height);
  if (background) {
    pen.fillStyle = background;
    pen.fillRect(0, 0, width, height);
  }
  pen.lineCap = pen.lineJoin = "round";
  for (const { size, erase, points } of strokes) {
    pen.globalCompositeOperation = erase && !background ? "destination-out" : "source-over";
    pen.strokeStyle = erase && background ? background : colour;
    pen.lineWidth = Math.max(1, size * width);
    pen.beginPath();
    points.forEach(([x, y], n) => (n ? pen.lineTo(x * width, y * height) : pen.moveTo(x * width, y * height)));
    if (points.length === 1) pen.lineTo(points[0][0] * width + 0.01, points[0][1] * height);
    pen.stroke();
  }
}

export function PaintCanvas({ width, height, strokes, onStrokes, size, erase, colour, background, label, class: name }) {
  const canvas = useRef();
  const stroke = useRef(null);
  const before = useRef([]);
  const [cursor, setCursor] = useState(null);
  useEffect(() => {
    drawStrokes(canvas.current, strokes, { colour, background });
    if (cursor) ring(canvas.current, cursor, size);
  }, [strokes, width, height, colour, background, cursor, size]);
  const place = (event) => {
    const box = canvas.current.getBoundingClientRect();
    return [(event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height];
  };
  const down = (event) => {
    event.preventDefault();
    canvas.current.setPointerCapture(event.pointerId);
    setCursor(null);
    before.current = strokes;
    stroke.current = { size, erase, points: [place(event)] };
    onStrokes([...before.current, stroke.current], false);
  };
  const move = (event) => {
    if (!stroke.current) return;
    const together = event.getCoalescedEvents?.() ?? [event];
    stroke.current = { ...stroke.current, points: [...stroke.current.points, ...together.map(place)] };
    onStrokes([...before.current, stroke.current], false);
  };
  const up = () => {
    if (!stroke.current) return;
    const done = [...before.current, stroke.current];
    stroke.current = null;
    onStrokes(done, true);
  };
  const keys = (event) => {
    const step = event.shiftKey ? 0.1 : 0.025;
    const moves = { ArrowLeft: [-step, 0], ArrowRight: [step, 0], ArrowUp: [0, -step], ArrowDown: [0, step] };
    if (event.key in moves) {
      const [x, y] = cursor ?? [0.5, 0.5];
      const next = [Math.min(1, Math.max(0, x + moves[event.key][0])), Math.min(1, Math.max(0, y + moves[event.key][1]))];
      setCursor(next);
      if (event.altKey) onStrokes([...strokes, { size, erase, points: [[x, y], next] }], true);
    } else if (event.key === " ") onStrokes([...strokes, { size, erase, points: [cursor ?? [0.5, 0.5]] }], true);
    else if (event.key === "z" && (event.ctrlKey || event.metaKey)) onStrokes(strokes.slice(0, -1), true);
    else return;
    event.preventDefault();
  };
  return html`<canvas ref=${canvas} class=${name} width=${width} height=${height} tabindex="0" role="application" aria-label=${`${label}. Keys: arrows move, space paints a dot, Alt with an arrow paints a line, Ctrl+Z takes the last one back.`}
    onPointerDown=${down} onPointerMove=${move} onPointerUp=${up} onPointerCancel=${up} onKeyDown=${keys} onBlur=${() => setCursor(null)}></canvas>`;
}

function ring(canvas, [x, y], size) {
  const pen = canvas.getContext("2d");
  pen.globalCompositeOperation = "source-over";
  pen.strokeStyle = "#e0245e";
  pen.lineWidth = Math.max(1, canvas.width / 150);
  pen.beginPath();
  pen.arc(x * canvas.width, y * canvas.height, Math.max(2, (size * canvas.width) / 2), 0, 2 * Math.PI);
  pen.stroke();
}
