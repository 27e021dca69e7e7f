// The result of a job as facts, with the files that it names shown or linked.

import { fileUrl } from "./api.js";
import { html } from "./dom.js";
import { Picture } from "./parts.js";
import { baseName, figure, label } from "./text.js";

const IMAGE = /\.(png|jpe?g|webp|gif|avif|bmp)$/i;
const FILE = /^(runs|outputs|uploads|reproduced)\/.+\.[a-z0-9]{2,5}$/i;
const isFile = (value) => typeof value === "string" && FILE.test(value);

export function Result({ result }) {
  if (result == null || typeof result !== "object") return null;
  const entries = Object.entries(result).filter(([, value]) => value != null);
  const files = entries.flatMap(([, value]) => (Array.isArray(value) ? value : [value])).filter(isFile);
  const images = files.filter((path) => IMAGE.test(path));
  const facts = entries.filter(([, value]) => !isFile(value) && !(Array.isArray(value) && value.every(isFile)));
  return html`<div class="stack">
    ${facts.length > 0 &&
    html`<dl class="facts">${facts.map(([name, value]) => html`<dt key=${`${name}-name`}>${label(name)}</dt><dd key=${name}>${words(value)}</dd>`)}</dl>`}
    ${images.length > 0 &&
    html`<div class=${images.length > 1 ? "thumbs large" : "stack"}>${images.slice(0, 60).map(
      (path) => html`<a class=${images.length > 1 ? "thumb" : "film-view"} key=${path} href=${fileUrl(path)} target="_blank" rel="noopener"><${Picture} path=${path} thumb=${images.length > 1 && !/\.gif$/i.test(path) ? "256" : undefined} alt=${baseName(path)} /></a>`,
    )}</div>`}
    ${files.filter((path) => !IMAGE.test(path)).map((path) => html`<a key=${path} class="wrap" href=${fileUrl(path)} target="_blank" rel="noopener">${path}</a>`)}
  </div>`;
}

function words(value) {
  if (typeof value === "number") return figure(value);
  if (Array.isArray(value)) return value.length && typeof value[0] !== "object" ? value.slice(0, 40).map(words).join(", ") : `${value.length}`;
  if (value && typeof value === "object") {
    const inner = Object.entries(value);
    return inner.length ? inner.slice(0, 40).map(([name, one]) => `${name}: ${words(one)}`).join(", ") : "none";
  }
  return String(value);
}
