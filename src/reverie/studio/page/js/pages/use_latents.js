// Faces and latents: a slider for each attribute, arithmetic on groups, interpolation between held images.

import { api } from "../api.js";
import { html, useEffect, useState } from "../dom.js";
import { GifFilm } from "../film.js";
import { ImageInput } from "../image_input.js";
import { JobProgress, useOwnJob } from "../jobs.js";
import { ModelPicker, NoModel, useModelDetails, useModels } from "../models.js";
import { Answer, Button, Empty, Notice, Picture, Segmented, SelectField, Slider } from "../parts.js";
import { useDraft, useLatest, useRequest } from "../state.js";
import { figure, integer, outputFolder } from "../text.js";
import { useModelOfAddress } from "./use_sample.js";

const PARTS = [["attributes", "Attributes"], ["arithmetic", "Arithmetic"], ["interpolate", "Interpolate"]];

export function Latents({ query }) {
  const [draft, update] = useDraft("latents", { model: "", part: "attributes" });
  const encoders = useModels("encode", (one) => one.task !== "latent");
  const samplers = useModels("sample");
  useModelOfAddress(query, update);
  const { models, loading, error } = draft.part === "interpolate" ? samplers : encoders;
  if (error) return html`<${Notice} kind="bad">${error.message}</${Notice}>`;
  if (loading) return html`<p class="muted">Looking for models …</p>`;
  const tabs = html`<div><${Segmented} label="What to do" value=${draft.part} onChange=${(part) => update({ part })} options=${PARTS} /></div>`;
  if (!models.length) return html`${tabs}<${NoModel} what="find the latents of images" task="generate" />`;
  const model = models.find((one) => one.value === draft.model) ?? models[0];
  const Part = { attributes: Attributes, arithmetic: Arithmetic, interpolate: Interpolate }[draft.part];
  const picker = html`<${ModelPicker} models=${models} value=${model.value} onChange=${(value) => update({ model: value })} />`;
  return html`${tabs}<${Part} key=${`${draft.part} ${model.value}`} model=${model.value} picker=${picker} />`;
}

function Attributes({ model, picker }) {
  const [draft, update] = useDraft(`attributes:${model}`, { image: null, add: {}, result: null });
  const names = useRequest(() => api.directions(model), [model]);
  const [busy, error, ask] = useLatest(async ({ image, add }) => {
    const given = Object.fromEntries(Object.entries(add).filter(([, value]) => value));
    const answer = await api.edit({ model, image, add: given });
    update({ result: answer.image });
  });
  const change = (add) => {
    update({ add });
    if (draft.image) ask({ image: draft.image, add });
  };
  return html`<div class="bench">
    <div class="panel controls">
      ${picker}
      <${ImageInput} label="Image to edit" path=${draft.image} model=${model} onChange=${(image) => { update({ image, result: null }); if (image) ask({ image, add: draft.add }); }} />
      <${Answer} of=${names} loading="Reading the attributes …">${({ attributes }) => html`
        ${attributes.length === 0 && html`<p class="muted">The training data of this model has no attributes.</p>`}
        ${attributes.map((name) => html`<${Slider} key=${name} label=${name.replaceAll("_", " ")} min=${-2} max=${2} step=${0.1} value=${draft.add[name] ?? 0} onInput=${(value) => change({ ...draft.add, [name]: value })} format=${(value) => (value > 0 ? `+${figure(value)}` : figure(value))} />`)}
        ${attributes.length > 0 && html`<div class="row"><${Button} icon="undo" size="small" disabled=${!Object.values(draft.add).some(Boolean)} onClick=${() => change({})}>All to 0</${Button}></div>`}`}</${Answer}>
    </div>
    <div class="stack">
      ${error && html`<${Notice} kind="bad">${error}</${Notice}>`}
      ${draft.image
        ? html`<div class="panel"><div class="halves">
            <figure class="stack tight"><div class="picture"><${Picture} path=${draft.image} alt="Image before" eager /></div><figcaption class="small muted">Before</figcaption></figure>
            <figure class="stack tight" aria-live="polite"><div class="picture">${draft.result ? html`<${Picture} path=${draft.result} alt="Edited image" eager />` : html`<span class="missing">${busy ? "The first one learns the attributes …" : "Move a slider"}</span>`}</div><figcaption class="small muted">${Object.values(draft.add).some(Boolean) ? "After" : "Reconstruction"}${busy ? " (follows the sliders …)" : ""}</figcaption></figure>
          </div></div>`
        : html`<${Empty} icon="use" title="Choose an image"><p>Drop one, or take one from the model. Then each slider adds or removes an attribute.</p></${Empty}>`}
    </div>
  </div>`;
}

const expressionOf = (terms) =>
  terms
    .map(({ sign, has }, n) => {
      const group = Object.entries(has).filter(([, value]) => value).map(([name, value]) => (value > 0 ? name : `!${name}`)).join(" & ");
      return group && (n ? ` ${sign} ${group}` : sign === "-" ? `-${group}` : group);
    })
    .filter(Boolean)
    .join("");

function Arithmetic({ model, picker }) {
  const [draft, update] = useDraft(`arithmetic:${model}`, { terms: [{ sign: "+", has: {} }, { sign: "-", has: {} }, { sign: "+", has: {} }] });
  const names = useRequest(() => api.directions(model), [model]);
  const work = useOwnJob(`edit:${model}`);
  const expression = expressionOf(draft.terms);
  const change = (at, part) => update({ terms: draft.terms.with(at, { ...draft.terms[at], ...part }) });
  const next = { 0: 1, 1: -1, "-1": 0 };
  return html`<div class="bench">
    <div class="panel controls">
      ${picker}
      <${Answer} of=${names} loading="Reading the attributes …">${({ attributes }) => html`
        ${draft.terms.map(
          (term, at) => html`<fieldset key=${at} class="stack close"><legend class="unseen">Group ${at + 1}</legend>
            <div class="row">${at > 0 ? html`<${Segmented} label=${`Sign of group ${at + 1}`} value=${term.sign} onChange=${(sign) => change(at, { sign })} options=${[["+", "+"], ["-", "−"]]} />` : html`<h3>Images that are</h3>`}<span class="grow"></span>
              ${draft.terms.length > 1 && html`<${Button} icon="close" kind="quiet" size="small" aria-label=${`Remove group ${at + 1}`} onClick=${() => update({ terms: draft.terms.filter((_, n) => n !== at) })} />`}</div>
            <div class="row tight">${attributes.map((name) => {
              const value = term.has[name] ?? 0;
              const words = name.replaceAll("_", " ");
              return html`<${Button} key=${name} size="small" aria-pressed=${String(value !== 0)} aria-label=${`${words}: ${value > 0 ? "with" : value < 0 ? "without" : "either"}`} onClick=${() => change(at, { has: { ...term.has, [name]: next[value] } })}>${value < 0 ? "not " : ""}${words}</${Button}>`;
            })}</div></fieldset>`,
        )}
        <div class="row"><${Button} icon="new" size="small" onClick=${() => update({ terms: [...draft.terms, { sign: "+", has: {} }] })}>Another group</${Button}></div>
        <p class="small muted">Press an attribute once for “with”, twice for “without”.</p>`}</${Answer}>
      ${expression && html`<p class="mono notice wrap">${expression}</p>`}
      ${work.error && html`<${Notice} kind="bad">${work.error.message}</${Notice}>`}
      ${work.job && work.job.state !== "done" && html`<${JobProgress} job=${work.job} />`}
      <${Button} kind="primary" disabled=${!expression} onClick=${() => work.start("edit", { model, expression, out: `${outputFolder("edit")}/sum.png` })}>Compute</${Button}>
    </div>
    <div class="stack">${work.job?.state === "done" && work.job.result
      ? html`<div class="panel"><p class="mono wrap">${work.job.options.expression}</p><div class="film-view"><${Picture} path=${work.job.result.file ?? work.job.options.out} alt=${`Result of ${work.job.options.expression}`} eager /></div>
          ${work.job.result.members && html`<p class="small muted">${Object.entries(work.job.result.members).map(([group, n]) => `${group}: ${integer(n)} images`).join(", ")}</p>`}</div>`
      : html`<${Empty} icon="use" title="Latent arithmetic"><p>The mean latents of groups, added and subtracted: men with glasses − men without + women without.</p></${Empty}>`}</div>
  </div>`;
}

function Interpolate({ model, picker }) {
  const [draft, update] = useDraft(`interpolate:${model}`, { held: [], frames: 60, loop: true, seed: 0, label: "" });
  const classes = useModelDetails(model)?.classes ?? [];
  const label = draft.label || classes[0];
  const work = useOwnJob(`interpolate:${model}`);
  const [choices, setChoices] = useState([]);
  const [error, setError] = useState(null);
  const more = async (seed) => {
    try {
      const { images } = await api.sample({ model, count: 12, seed, ...(label && { label: [label] }) });
      setChoices(images);
      update({ seed });
      setError(null);
    } catch (failure) {
      setError(failure.message);
    }
  };
  useEffect(() => void more(draft.seed), [label]);
  const isHeld = (seed) => draft.held.some((one) => one.seed === seed);
  const toggle = (image) => update({ held: isHeld(image.seed) ? draft.held.filter((one) => one.seed !== image.seed) : [...draft.held, { seed: image.seed, path: image.path }] });
  const start = () => work.start("interpolate", { model, seeds: draft.held.map((one) => one.seed), frames: draft.frames, loop: draft.loop, ...(label && { label }), out: `${outputFolder("interpolate")}/walk.gif` });
  return html`<div class="bench">
    <div class="panel controls">
      ${picker}
      ${classes.length > 0 && html`<${SelectField} label="Class" value=${label} options=${classes.map((one) => [one, one])} onChange=${(next) => update({ label: next, held: [] })} />`}
      <div class="stack close"><p class="label">Held, in this order</p>
        ${draft.held.length === 0 ? html`<p class="small muted">Press images on the right to hold them.</p>` : html`<ul class="thumbs">${draft.held.map((one) => html`<li key=${one.seed}><button type="button" class="thumb" title="Let go" onClick=${() => toggle(one)}><${Picture} path=${one.path} cover alt=${`Held image, seed ${one.seed}`} /><span class="corner">${one.seed}</span></button></li>`)}</ul>`}
      </div>
      <${Slider} label="Frames" min=${10} max=${240} step=${10} value=${draft.frames} onInput=${(frames) => update({ frames })} />
      <label class="check"><input type="checkbox" checked=${draft.loop} onChange=${(event) => update({ loop: event.target.checked })} />Return to the first image</label>
      ${work.error && html`<${Notice} kind="bad">${work.error.message}</${Notice}>`}
      ${work.job && work.job.state !== "done" && html`<${JobProgress} job=${work.job} />`}
      <${Button} kind="primary" disabled=${draft.held.length < 2} onClick=${start}>Interpolate</${Button}>
    </div>
    <div class="stack">
      ${work.job?.state === "done" && html`<div class="panel"><${GifFilm} path=${work.job.result?.file ?? work.job.options.out} alt="Interpolation between the held images" rate=${20} /></div>`}
      ${error && html`<${Notice} kind="bad">${error}</${Notice}>`}
      <div class="panel"><div class="section-head"><h2>Images to hold</h2><${Button} size="small" icon="dice" onClick=${() => more(Math.floor(Math.random() * 100000))}>Others</${Button}></div>
        <ul class="thumbs large">${choices.map((one) => html`<li key=${one.path}><button type="button" class="thumb" aria-pressed=${String(isHeld(one.seed))} onClick=${() => toggle(one)}><${Picture} path=${one.path} cover alt=${`Image of seed ${one.seed}`} /><span class="corner">seed ${one.seed}</span></button></li>`)}</ul></div>
    </div>
  </div>`;
}
