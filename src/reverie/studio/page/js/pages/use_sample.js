// Sample: images of consecutive seeds; one can be held, varied, and shown as a film of its denoising.

import { api } from "../api.js";
import { html, useEffect, useState } from "../dom.js";
import { GifFilm } from "../film.js";
import { Fields, MoreOptions, problemOf } from "../form.js";
import { Dice, Gallery, SaveLink, imagesOf } from "../gallery.js";
import { JobProgress, useOwnJob } from "../jobs.js";
import { ModelPicker, NoModel, useModelDetails, useModels } from "../models.js";
import { Answer, Button, Empty, Notice, Picture, SelectField, Slider, TextField } from "../parts.js";
import { useDraft, useRequest } from "../state.js";
import { count, outputFolder, wholeNumber } from "../text.js";

const DENOISING = ["guidance", "steps", "sampler"];

/** Keeps the model of the address (a run's "Use" button) in the draft. */
export function useModelOfAddress(query, update) {
  useEffect(() => {
    if (query.model) update({ model: query.model });
  }, [query.model]);
}

export function Sample({ query }) {
  const { models, loading, error } = useModels("sample");
  const [draft, update] = useDraft("sample", { model: "", count: 16, seed: "0", label: "", values: {}, images: [], held: null });
  useModelOfAddress(query, update);
  if (error) return html`<${Notice} kind="bad">${error.message}</${Notice}>`;
  if (!models.length) return loading ? html`<p class="muted">Looking for models …</p>` : html`<${NoModel} what="sample" task="generate" />`;
  const chosen = models.find((one) => one.value === draft.model) ?? models[0];
  return html`<${SampleBench} key=${chosen.value} models=${models} model=${chosen} draft=${draft} update=${update} />`;
}

function SampleBench({ models, model, draft, update }) {
  const denoise = useModels("denoise").models.some((one) => one.value === model.value);
  const details = useModelDetails(model.value);
  const verb = useRequest(() => api.verb("sample"), []);
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState({ errors: {}, error: null });
  const classes = details?.classes ?? [];
  const options = () => ({
    model: model.value,
    ...(draft.label && { label: [draft.label] }),
    ...(denoise ? draft.values : {}),
  });
  const generate = async (seed = wholeNumber(draft.seed)) => {
    setBusy(true);
    setProblem({ errors: {}, error: null });
    try {
      const { images } = await api.sample({ ...options(), count: draft.count, seed });
      update({ images: images.map((one) => ({ path: one.path, seed: one.seed, label: one.label })), of: model.value, held: null, seed: String(seed) });
    } catch (failure) {
      setProblem(problemOf(failure));
    }
    setBusy(false);
  };
  const shown = draft.of === model.value ? draft.images : [];
  const held = shown.find((one) => one.path === draft.held);
  const set = (field, value) => update((old) => ({ values: Object.fromEntries(Object.entries({ ...old.values, [field]: value }).filter(([, one]) => one !== undefined && one !== null)) }));
  return html`<div class="bench">
    <form class="panel controls" onSubmit=${(event) => { event.preventDefault(); generate(); }}>
      <${ModelPicker} models=${models} value=${model.value} onChange=${(value) => update({ model: value, label: "", held: null })} />
      <${Slider} label="Images" min=${1} max=${64} value=${draft.count} onInput=${(value) => update({ count: value })} />
      <div class="row" style=${{ alignItems: "flex-end", flexWrap: "nowrap" }}>
        <div class="grow"><${TextField} label="Seed of the first image" inputmode="numeric" value=${draft.seed} error=${problem.errors.seed} onInput=${(event) => update({ seed: event.target.value })} /></div>
        <${Dice} onChange=${(seed) => { update({ seed: String(seed) }); generate(seed); }} />
      </div>
      ${classes.length > 0 && html`<${SelectField} label="Class" value=${draft.label} options=${[["", "all in turn"], ...classes.map((one) => [one, one])]} onChange=${(label) => update({ label })} />`}
      ${denoise &&
      html`<${Answer} of=${verb}>${({ schema }) => html`<${Fields} schema=${schema} names=${DENOISING} values=${draft.values} errors=${problem.errors} onChange=${set} />
        <${MoreOptions} schema=${schema} names=${["schedule"].filter((name) => name in schema.properties)} values=${draft.values} errors=${problem.errors} onChange=${set} />`}</${Answer}>`}
      ${(problem.error || Object.keys(problem.errors).some((name) => ![...DENOISING, "seed", "label"].includes(name))) && html`<${Notice} kind="bad">${problem.error ?? Object.values(problem.errors)[0]}</${Notice}>`}
      <div class="row"><button class="button primary grow" type="submit" disabled=${busy} aria-busy=${busy ? "true" : undefined}>${busy ? `Sampling ${count(draft.count, "image")} …` : "Sample"}</button>
        ${shown.length > 0 && html`<${Button} disabled=${busy} onClick=${() => generate(shown.at(-1).seed + 1)}>Next</${Button}>`}</div>
    </form>
    <div class="stack">
      ${held && html`<${Held} key=${held.path} image=${held} model=${model.value} denoise=${denoise} options=${() => ({ ...options(), ...(held.label != null && { label: [String(held.label)] }) })} onClose=${() => update({ held: null })} />`}
      ${shown.length
        ? html`<div class="panel"><${Gallery} images=${shown.map((one) => ({ path: one.path, caption: `seed ${one.seed}${one.label != null && !draft.label ? ` · ${one.label}` : ""}` }))} picked=${draft.held} onPick=${(path) => update({ held: path === draft.held ? null : path })} label="Sampled images" />
            <p class="small muted">Every image tells its seed. Press one to hold it and vary around it.</p></div>`
        : html`<${Empty} icon="use" title="Nothing sampled yet"><p>Choose a model and press Sample. The same seed always gives the same image.</p></${Empty}>`}
    </div>
  </div>`;
}

function Held({ image, model, denoise, options, onClose }) {
  const vary = useOwnJob(`vary:${image.path}`);
  const film = useOwnJob(`film:${image.path}`);
  const [strength, setStrength] = useState(0.5);
  const [other, setOther] = useState(String(image.seed + 1));
  const variations = vary.job?.state === "done" ? imagesOf(vary.job.result) : [];
  const startVariations = () => {
    const out = outputFolder("vary");
    if (denoise) vary.start("sample", { ...options(), init: image.path, strength, count: 8, seed: image.seed + 1, out });
    else vary.start("sample", { model, between: [image.seed, wholeNumber(other)], count: 9, out, ...(options().label && { label: options().label }) });
  };
  const startFilm = () => {
    const out = outputFolder("film");
    film.start("sample", { ...options(), count: 1, seed: image.seed, film: `${out}/film.gif`, out });
  };
  return html`<section class="panel" aria-label=${`Held image, seed ${image.seed}`}>
    <div class="section-head"><h2>Held: seed ${image.seed}${image.label != null ? `, class ${image.label}` : ""}</h2><${SaveLink} path=${image.path} /><${Button} icon="close" kind="quiet" size="small" aria-label="Let go of this image" onClick=${onClose} /></div>
    <div class="halves">
      <div class="picture"><${Picture} path=${image.path} alt=${`Image of seed ${image.seed}`} eager /></div>
      <div class="stack">
        ${denoise
          ? html`<${Slider} label="Strength of the variation" min=${0.05} max=${1} step=${0.05} value=${strength} onInput=${setStrength} help="How much of the image is noised and made again." />`
          : html`<${TextField} label="Interpolate to the seed" inputmode="numeric" value=${other} onInput=${(event) => setOther(event.target.value)} error=${vary.error?.message} />`}
        <div class="row">
          <${Button} onClick=${startVariations}>${denoise ? "Vary around it" : "Interpolate"}</${Button}>
          ${denoise && html`<${Button} icon="play" onClick=${startFilm}>Film of the denoising</${Button}>`}
        </div>
        ${denoise && vary.error && html`<${Notice} kind="bad">${vary.error.message}</${Notice}>`}
        ${film.error && html`<${Notice} kind="bad">${film.error.message}</${Notice}>`}
        <${JobProgress} job=${vary.job} />
        <${JobProgress} job=${film.job} />
        ${film.job?.state === "done" && html`<${GifFilm} path=${film.job.options.film} alt=${`Denoising of seed ${image.seed}`} words=${(at, total) => `step ${at} of ${total - 1}`} />`}
      </div>
    </div>
    ${variations.length > 0 && html`<h3>${denoise ? "Variations" : "Interpolation"}</h3><ul class="thumbs large">${variations.map((one) => html`<li key=${one.path}><div class="thumb"><${Picture} path=${one.path} cover alt="Variation" /></div></li>`)}</ul>`}
  </section>`;
}
