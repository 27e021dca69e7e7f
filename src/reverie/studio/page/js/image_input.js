// One image as an input: uploaded, or taken from a model's samples.

import { api } from "./api.js";
import { Drop } from "./drop.js";
import { html, useState } from "./dom.js";
import { Button, Picture } from "./parts.js";
import { complain } from "./state.js";
import { baseName } from "./text.js";

/** `model`, where given, can sample an image instead. */
export function ImageInput({ label = "Image", path, onChange, model, hint, optional }) {
  const [busy, setBusy] = useState(false);
  const sample = async () => {
    setBusy(true);
    try {
      const seed = Math.floor(Math.random() * 100000);
      const { images } = await api.sample({ model, count: 1, seed });
      onChange(images[0].path);
    } catch (error) {
      complain(error);
    }
    setBusy(false);
  };
  return html`<div class="stack close">
    <p class="label">${label}${optional ? html` <span class="muted">(optional)</span>` : ""}</p>
    ${path
      ? html`<div class="row" style=${{ flexWrap: "nowrap" }}>
          <div class="frame-image" style=${{ width: "84px", height: "84px", flex: "none" }}><${Picture} path=${path} thumb="256" alt=${baseName(path)} /></div>
          <div class="stack tight grow"><span class="small wrap">${baseName(path)}</span><div class="row"><${Button} size="small" onClick=${() => onChange(null)}>Choose another</${Button}></div></div>
        </div>`
      : html`<${Drop} small multiple=${false} accept="image/*" title="Drop an image here" hint=${hint} onUploaded=${(answer) => onChange(answer.files[0])} />`}
    ${model && html`<div class="row"><${Button} size="small" icon="dice" busy=${busy} onClick=${sample}>Take one from the model</${Button}></div>`}
  </div>`;
}
