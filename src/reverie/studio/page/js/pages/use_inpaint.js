// Inpaint: paint what is to be regenerated; a diffusion model fills it.

import { api, fileUrl, upload } from "../api.js";
import { html, useEffect, useRef, useState } from "../dom.js";
import { Gallery, SaveLink, imagesOf } from "../gallery.js";
import { ImageInput } from "../image_input.js";
import { JobProgress, isOver, useOwnJob } from "../jobs.js";
import { ModelPicker, NoModel, useModelDetails, useModels } from "../models.js";
import { Button, Empty, Notice, Picture, Segmented, SelectField, Slider, TextField } from "../parts.js";
import { PaintCanvas, drawStrokes } from "../paint.js";
import { useDraft } from "../state.js";
import { outputFolder, wholeNumber } from "../text.js";
import { useModelOfAddress } from "./use_sample.js";

const SMALLEST_CANVAS = 512;

export function Inpaint({ query }) {
  const { models, loading, error } = useModels("denoise");
  const [draft, update] = useDraft("inpaint", { model: "", image: null, strokes: [], size: 0.12, count: 4, seed: "0", strength: 1, label: "", picked: null });
  useModelOfAddress(query, update);
  if (error) return html`<${Notice} kind="bad">${error.message}</${Notice}>`;
  if (!models.length) return loading ? html`<p class="muted">Looking for models …</p>` : html`<${NoModel} what="inpaint (a diffusion model)" task="generate" />`;
  const model = models.find((one) => one.value === draft.model) ?? models[0];
  return html`<${Bench} key=${model.value} models=${models} model=${model.value} draft=${draft} update=${update} />`;
}

function Bench({ models, model, draft, update }) {
  const work = useOwnJob("inpaint", () => update({ picked: null }));
  const details = useModelDetails(model);
  const [tool, setTool] = useState("paint");
  const [size, setSize] = useState(null);
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState(null);
  const image = useRef();
  useEffect(() => setSize(null), [draft.image]);
  const loaded = (event) => {
    const { naturalWidth: w, naturalHeight: h } = event.target;
    const by = Math.max(1, SMALLEST_CANVAS / Math.max(w, h));
    setSize([Math.round(w * by), Math.round(h * by)]);
  };
  const start = async () => {
    setBusy(true);
    setProblem(null);
    try {
      const options = { model, init: draft.image, strength: draft.strength, count: draft.count, seed: wholeNumber(draft.seed), ...(draft.label && { label: [draft.label] }), out: outputFolder("inpaint") };
      const answer = await api.check("sample", options);
      if (answer.ok === false) throw new Error(answer.error);
      const mask = document.createElement("canvas");
      [mask.width, mask.height] = size;
      drawStrokes(mask, draft.strokes, { colour: "#fff", background: "#000" });
      const blob = await new Promise((done) => mask.toBlob(done, "image/png"));
      const { files } = await upload([new File([blob], "mask.png", { type: "image/png" })]);
      await work.start("sample", { ...options, mask: files[0] });
    } catch (failure) {
      setProblem(failure.message);
    }
    setBusy(false);
  };
  const results = work.job?.state === "done" ? imagesOf(work.job.result, (n) => `seed ${Number(work.job.options.seed ?? 0) + n}`) : [];
  const picked = results.find((one) => one.path === draft.picked)?.path;
  const running = work.job && !isOver(work.job);
  const classes = details?.classes ?? [];
  return html`<div class="bench">
    <div class="panel controls">
      <${ModelPicker} models=${models} value=${model} onChange=${(value) => update({ model: value })} />
      <${ImageInput} path=${draft.image} model=${model} onChange=${(path) => update({ image: path, strokes: [] })} />
      ${classes.length > 0 && html`<${SelectField} label="Class" value=${draft.label} options=${[["", "all in turn"], ...classes.map((one) => [one, one])]} onChange=${(label) => update({ label })} />`}
      <${Slider} label="Results" min=${1} max=${16} value=${draft.count} onInput=${(count) => update({ count })} />
      <${TextField} label="Seed" inputmode="numeric" value=${draft.seed} onInput=${(event) => update({ seed: event.target.value })} />
      <${Slider} label="Strength" min=${0.1} max=${1} step=${0.05} value=${draft.strength} onInput=${(strength) => update({ strength })} help="1 regenerates the painted part from noise; less keeps its outlines." />
      ${(problem || work.error) && html`<${Notice} kind="bad">${problem ?? work.error.message}</${Notice}>`}
      ${work.job && work.job.state !== "done" && html`<${JobProgress} job=${work.job} />`}
      <${Button} kind="primary" disabled=${!draft.image || !size || !draft.strokes.length || running} busy=${busy} onClick=${start}>Regenerate</${Button}>
      ${draft.image && !draft.strokes.length && html`<p class="small muted">Paint over a part of the image first.</p>`}
    </div>
    <div class="stack">
      ${!draft.image && html`<${Empty} icon="brush" title="Choose an image"><p>Drop one, or take one from the model; then paint over what is to be made anew.</p></${Empty}>`}
      ${draft.image &&
      html`<div class="panel">
        <div class="row wide">
          <${Segmented} label="Tool" value=${tool} onChange=${setTool} options=${[["paint", "Paint"], ["erase", "Erase"]]} />
          <div style=${{ width: "180px" }}><${Slider} label="Brush" min=${0.02} max=${0.4} step=${0.02} value=${draft.size} onInput=${(value) => update({ size: value })} format=${(value) => `${Math.round(100 * value)} %`} /></div>
          <${Button} icon="undo" size="small" disabled=${!draft.strokes.length} onClick=${() => update({ strokes: draft.strokes.slice(0, -1) })}>Undo</${Button}>
          <${Button} size="small" kind="quiet" disabled=${!draft.strokes.length} onClick=${() => update({ strokes: [] })}>Clear</${Button}>
        </div>
        <div class="halves">
          <div class="paint">
            <img ref=${image} class=${size && size[0] > (image.current?.naturalWidth ?? 0) ? "pixels" : undefined} src=${fileUrl(draft.image)} alt="Image to inpaint" onLoad=${loaded} />
            ${size && html`<${PaintCanvas} class="mask" width=${size[0]} height=${size[1]} strokes=${draft.strokes} onStrokes=${(strokes) => update({ strokes })} size=${draft.size} erase=${tool === "erase"} colour="#e0245e" label="Mask over the image" />`}
          </div>
          ${picked && html`<figure class="stack close"><div class="picture"><${Picture} path=${picked} alt="Inpainted image" eager /></div><div class="row"><${SaveLink} path=${picked} /><${Button} size="small" onClick=${() => update({ image: picked, strokes: [] })}>Go on with this one</${Button}></div></figure>`}
        </div>
      </div>`}
      ${results.length > 0 && html`<div class="panel"><h2>Results</h2><${Gallery} images=${results} picked=${picked} onPick=${(path) => update({ picked: path })} /></div>`}
    </div>
  </div>`;
}
