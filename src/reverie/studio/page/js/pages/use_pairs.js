// Translate and Upscale: images in, images out, and a divider between before and after.

import { api, fileUrl } from "../api.js";
import { CompareSlider } from "../compare_slider.js";
import { ContactSheet } from "../contact.js";
import { Drop, LeftOut } from "../drop.js";
import { html, useEffect, useState } from "../dom.js";
import { Fields, MoreOptions, problemOf } from "../form.js";
import { JobProgress, isOver, useOwnJob } from "../jobs.js";
import { ModelPicker, NoModel, useModels } from "../models.js";
import { Answer, Button, Empty, Notice, Picture, Segmented } from "../parts.js";
import { complain, useDraft, useRequest } from "../state.js";
import { baseName, count, outputFolder, percent } from "../text.js";
import { saveZip } from "../zip.js";
import { useModelOfAddress } from "./use_sample.js";

const MOST_AT_ONCE = { translate: 16, upscale: 4 };
const LARGEST_AT_ONCE = 512 * 512;
const PLACED = ["model", "images", "out", "json", "direction", "reference"];

export const Translate = ({ query }) => html`<${PairsPage} verb="translate" what="translate" task="translate" query=${query} labels=${["Source", "Translation"]} action="Translate" />`;
export const Upscale = ({ query }) => html`<${PairsPage} verb="upscale" what="upscale" task="upscale" query=${query} labels=${["Original", "Upscaled"]} action="Upscale" />`;

function PairsPage({ verb, what, task, query, labels, action }) {
  const { models, loading, error } = useModels(verb);
  const [draft, update] = useDraft(verb, { model: "", direction: "ab", upload: null, values: verb === "translate" ? { size: "trained" } : {}, pairs: [], failed: {}, picked: 0, folder: null });
  useModelOfAddress(query, update);
  if (error) return html`<${Notice} kind="bad">${error.message}</${Notice}>`;
  if (!models.length) return loading ? html`<p class="muted">Looking for models …</p>` : html`<${NoModel} what=${what} task=${task} />`;
  const model = models.find((one) => one.value === draft.model) ?? models[0];
  return html`<${PairsBench} verb=${verb} models=${models} model=${model} draft=${draft} update=${update} labels=${labels} action=${action} />`;
}

/** Whether the images are few and small enough to be done while one waits. */
async function isSmall(verb, upload) {
  if (upload.count > MOST_AT_ONCE[verb] || upload.count !== upload.files.length) return false;
  if (verb === "translate") return true;
  const sizes = await Promise.all(
    upload.files.map(async (path) => {
      const image = new Image();
      image.src = fileUrl(path);
      try {
        await image.decode();
        return image.naturalWidth * image.naturalHeight;
      } catch {
        return 0; // not an image: it is reported as left out
      }
    }),
  );
  return sizes.every((size) => size <= LARGEST_AT_ONCE);
}

/** Pairs of a finished job: each written file beside the upload of the same name. */
function pairsOf(job, upload) {
  const stem = (path) => baseName(path).replace(/\.[^.]*$/, "");
  const sources = new Map((upload?.files ?? []).map((path) => [stem(path), path]));
  return (job.result.files ?? []).map((result) => ({ source: sources.get(stem(result)) ?? null, result }));
}

function PairsBench({ verb, models, model, draft, update, labels, action }) {
  const schema = useRequest(() => api.verb(verb), [verb]);
  const work = useOwnJob(verb, (job) => update({ pairs: pairsOf(job, draft.upload), failed: job.result.failed ?? {}, picked: 0, folder: job.out ?? job.options.out }));
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState({ errors: {}, error: null });
  const { upload } = draft;
  const set = (field, value) => update((old) => {
    const values = { ...old.values, [field]: value };
    if (value === undefined || value === null) delete values[field];
    return { values };
  });
  const start = async () => {
    setBusy(true);
    setProblem({ errors: {}, error: null });
    try {
      if (await isSmall(verb, upload)) {
        const body = { model: model.value, images: upload.files, ...draft.values, ...(verb === "translate" && { direction: draft.direction }) };
        const { pairs, failed, folder } = await api[verb](body);
        work.forget();
        update({ pairs, failed, folder, picked: 0 });
      } else {
        const images = verb === "upscale" ? [model.value, upload.folder] : [upload.folder];
        await api
          .start(verb, { ...(verb === "translate" && { model: model.value, direction: draft.direction }), images, ...draft.values, out: outputFolder(verb) })
          .then(({ id }) => work.watch(id));
      }
    } catch (failure) {
      setProblem(problemOf(failure));
    }
    setBusy(false);
  };
  const names = schema.data ? Object.keys(schema.data.schema.properties).filter((name) => !PLACED.includes(name)) : [];
  const common = names.filter((name) => ["scale", "size"].includes(name));
  const running = work.job && !isOver(work.job);
  const sentence = problem.error ?? Object.entries(problem.errors).find(([name]) => !names.includes(name))?.[1];
  return html`<div class="bench">
    <form class="panel controls" onSubmit=${(event) => { event.preventDefault(); start(); }}>
      <${ModelPicker} models=${models} value=${model.value} onChange=${(value) => update({ model: value })} />
      ${verb === "translate" && html`<div class="field"><p class="label">Direction</p><${Segmented} label="Direction" value=${draft.direction} onChange=${(direction) => update({ direction })} options=${[["ab", "A to B"], ["ba", "B to A"]]} /></div>`}
      <div class="stack close"><p class="label">Images</p>
        ${upload
          ? html`<div class="row"><span class="grow">${count(upload.count, "image")}</span><${Button} size="small" onClick=${() => update({ upload: null })}>Choose others</${Button}></div><${LeftOut} skipped=${upload.skipped} />`
          : html`<${Drop} small title="Drop images, a folder or a zip" onUploaded=${(answer) => { work.forget(); update({ upload: { folder: answer.folder, files: answer.files, count: answer.count, skipped: answer.skipped.slice(0, 100) }, pairs: [], failed: {} }); }} />`}
      </div>
      <${Answer} of=${schema}>${({ schema: found }) => html`
        ${common.length > 0 && html`<${Fields} schema=${found} names=${common} values=${draft.values} errors=${problem.errors} onChange=${set} />`}
        <${MoreOptions} schema=${found} names=${names.filter((name) => !common.includes(name))} values=${draft.values} errors=${problem.errors} onChange=${set} />`}</${Answer}>
      ${sentence && html`<${Notice} kind="bad">${sentence}</${Notice}>`}
      ${work.job && work.job.state !== "done" && html`<${JobProgress} job=${work.job} />`}
      <button class="button primary" type="submit" disabled=${!upload || busy || running}>${busy ? `${action}, ${count(upload?.count ?? 0, "image")} …` : action}</button>
    </form>
    <div class="stack">
      <${Pairs} draft=${draft} update=${update} labels=${labels} verb=${verb} />
      ${!draft.pairs.length && upload && html`<div class="panel"><${ContactSheet} path=${upload.folder} /></div>`}
      ${!draft.pairs.length && !upload && html`<${Empty} icon="compare" title="No images yet"><p>Drop one image or many. A divider shows before and after; a whole folder can be saved as a zip.</p></${Empty}>`}
    </div>
  </div>`;
}

function Pairs({ draft, update, labels, verb }) {
  const [packed, setPacked] = useState(null);
  const { pairs, failed } = draft;
  const pair = pairs[Math.min(draft.picked, pairs.length - 1)];
  const bad = Object.entries(failed ?? {});
  useEffect(() => setPacked(null), [pairs]);
  const zip = async () => {
    setPacked(0);
    try {
      await saveZip(pairs.map(({ result }) => ({ path: result, name: baseName(result) })), `${baseName(draft.folder ?? verb)}.zip`, setPacked);
    } catch (error) {
      complain(error);
    }
    setPacked(null);
  };
  if (!pair && !bad.length) return null;
  return html`<div class="panel">
    ${pair && (pair.source
      ? html`<${CompareSlider} before=${pair.source} after=${pair.result} labels=${labels} alt=${baseName(pair.source)} />`
      : html`<div class="film-view"><${Picture} path=${pair.result} alt=${baseName(pair.result)} eager /></div>`)}
    ${pairs.length > 1 &&
    html`<ul class="thumbs">${pairs.map(
      (one, n) => html`<li key=${one.result}><button type="button" class="thumb" title=${baseName(one.result)} aria-pressed=${String(n === draft.picked)} onClick=${() => update({ picked: n })}><${Picture} path=${one.result} thumb="128" cover alt=${baseName(one.result)} /></button></li>`,
    )}</ul>
    <div class="row"><${Button} icon="download" busy=${packed != null} onClick=${zip}>${packed == null ? `Save all ${count(pairs.length, "image")} as a zip` : `Packing, ${percent(packed)}`}</${Button}><span class="small muted mono wrap">${draft.folder}</span></div>`}
    ${bad.length > 0 && html`<${Notice} kind="warn"><ul class="stack tight small">${bad.map(([path, why]) => html`<li key=${path}><strong>${baseName(path)}</strong>: ${why}</li>`)}</ul></${Notice}>`}
  </div>`;
}
