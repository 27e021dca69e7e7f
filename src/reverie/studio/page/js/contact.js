// What was read of a folder or dataset: thumbnails, and the report of `data check`.

import { api, fileUrl } from "./api.js";
import { html, useEffect, useState } from "./dom.js";
import { Button, Notice, Picture } from "./parts.js";
import { useRequest } from "./state.js";
import { baseName, count, integer, shown } from "./text.js";

const PART = 96;
const isEmpty = (value) => value == null || (typeof value === "object" && Object.keys(value).length === 0);

/** Thumbnails of a folder, more at a time; with `onPick` they are buttons. */
export function ContactSheet({ path, broken = {}, onPick, picked }) {
  const [inner, setInner] = useState(null);
  const [limit, setLimit] = useState(PART);
  useEffect(() => {
    setInner(null);
    setLimit(PART);
  }, [path]);
  const at = inner ? `${path}/${inner}` : path;
  const answer = useRequest(() => api.folder(at, 0, limit), [at, limit]);
  if (answer.error) return html`<${Notice} kind="bad">${answer.error.message}</${Notice}>`;
  const found = answer.data;
  if (!found) return html`<p class="small muted">Reading the folder …</p>`;
  return html`<div class="stack close">
    <div class="row"><span class="small muted number grow">${found.total ? count(found.total, "file") : "No images directly in this folder"}</span>
      ${inner && html`<${Button} size="small" kind="quiet" icon="up" onClick=${() => setInner(inner.includes("/") ? inner.slice(0, inner.lastIndexOf("/")) : null)}>Back</${Button}>`}
      ${found.folders.slice(0, 40).map((name) => html`<${Button} key=${name} size="small" icon="folder" onClick=${() => setInner(inner ? `${inner}/${name}` : name)}>${name}</${Button}>`)}
    </div>
    <ul class="thumbs">${found.files.map((file) => {
      const why = broken[file.path] ?? broken[file.name];
      const image = why !== undefined ? html`<span class="missing" title=${why}>${file.name}: left out</span>` : html`<${Picture} path=${file.path} thumb="128" cover alt=${file.name} />`;
      return html`<li key=${file.path}>${onPick
        ? html`<button type="button" class="thumb" title=${file.name} aria-pressed=${String(picked === file.path)} onClick=${() => onPick(file.path)}>${image}</button>`
        : html`<a class="thumb" title=${file.name} href=${fileUrl(file.path)} target="_blank" rel="noopener">${image}</a>`}</li>`;
    })}</ul>
    ${found.files.length < found.total && html`<div class="row"><${Button} size="small" onClick=${() => setLimit(Math.min(1000, limit + 4 * PART))}>Show more</${Button}><span class="small muted number">${integer(found.files.length)} of ${integer(found.total)}</span></div>`}
  </div>`;
}

/** The report of `reverie data check`: what was read, and what was left out and why. */
export function CheckReport({ report }) {
  const broken = Object.entries(report.broken ?? {});
  const classes = Object.entries(report.classes ?? {});
  const list = (facts) => Object.entries(facts ?? {}).slice(0, 6).map(([name, value]) => `${name} (${integer(value)})`).join(", ");
  return html`<div class="panel">
    <dl class="facts">
      <dt>Images</dt><dd><strong>${integer(report.images)}</strong></dd>
      ${report.sizes && html`<dt>Sizes</dt><dd>${list(report.sizes)}${Object.keys(report.sizes).length > 6 ? " and others" : ""}</dd>`}
      ${report.colours && html`<dt>Colours</dt><dd>${list(report.colours)}</dd>`}
      ${classes.length > 0 && html`<dt>Classes</dt><dd>${classes.length}: ${classes.slice(0, 12).map(([name, value]) => `${name} (${integer(value)})`).join(", ")}${classes.length > 12 ? " …" : ""}</dd>`}
      ${Object.entries(report).filter(([name]) => !["data", "images", "sizes", "colours", "classes", "broken", "shorter_side", "kind"].includes(name) && !isEmpty(value)).map(([name, value]) => html`<dt key=${`${name}-name`}>${name}</dt><dd key=${name}>${shown(value)}</dd>`)}
    </dl>
    ${broken.length === 0
      ? html`<p class="small muted">Every file could be read.</p>`
      : html`<${Notice} kind="warn"><details open=${broken.length <= 8}><summary>${count(broken.length, "file")} left out</summary>
          <ul class="stack tight small">${broken.slice(0, 200).map(([path, why]) => html`<li key=${path}><strong>${baseName(path)}</strong>: ${why}</li>`)}</ul></details></${Notice}>`}
  </div>`;
}
