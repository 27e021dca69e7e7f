// Images as a grid of buttons; the pressed one is shown large beside it.

import { fileUrl } from "./api.js";
import { html } from "./dom.js";
import { Button, Picture } from "./parts.js";
import { baseName } from "./text.js";

/** `images`: [{ path, caption }]. */
export function Gallery({ images, picked, onPick, label = "Images" }) {
  return html`<ul class="thumbs large" aria-label=${label}>${images.map(
    ({ path, caption }) => html`<li key=${path}><button type="button" class="thumb" aria-pressed=${String(picked === path)} onClick=${() => onPick(path)}>
      <${Picture} path=${path} cover alt=${caption ?? baseName(path)} />${caption && html`<span class="corner">${caption}</span>`}</button></li>`,
  )}</ul>`;
}

/** Files of a finished `sample` job as gallery images; the sheet of all, which comes last, is left out. */
export function imagesOf(result, caption = () => null) {
  const files = result?.files ?? [];
  const single = files.length > result?.count ? files.slice(0, result.count) : files;
  return single.map((path, n) => ({ path, caption: caption(n) }));
}

export const SaveLink = ({ path, children = "Save" }) => html`<a class="button small" href=${fileUrl(path)} download>${children}</a>`;

export function Dice({ onChange, label = "Another seed" }) {
  return html`<${Button} icon="dice" aria-label=${label} title=${label} onClick=${() => onChange(Math.floor(Math.random() * 1000000))} />`;
}
