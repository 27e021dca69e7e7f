// Learn: a plane of latents under the mouse, a diffusion step by step, and what networks make of a drawn digit.

import { api } from "../api.js";
import { html, useEffect, useRef, useState } from "../dom.js";
import { GifFilm } from "../film.js";
import { Fields } from "../form.js";
import { Dice } from "../gallery.js";
import { JobProgress, isOver, useOwnJob } from "../jobs.js";
import { ModelPicker, useModelDetails, useModels } from "../models.js";
import { Answer, Button, Empty, LinkButton, Notice, Picture, SelectField, Slider, TextField } from "../parts.js";
import { PaintCanvas, drawStrokes } from "../paint.js";
import { link } from "../router.js";
import { useDraft, useLatest, useRequest } from "../state.js";
import { figure, outputFolder, percent, wholeNumber } from "../text.js";

const LESSONS = [
  ["plane", "A plane of latents", Plane],
  ["diffusion", "Diffusion, step by step", Diffusion],
  ["draw", "Draw a digit", Draw],
];

export function Learn({ args }) {
  const [name = "plane"] = args;
  const [, , Lesson] = LESSONS.find(([key]) => key === name) ?? LESSONS[0];
  return html`
    <div class="page-head"><div class="grow"><h1>Learn</h1><p>Three experiments that show what the networks have learned.</p></div></div>
    <nav class="tabs" aria-label="Experiments">${LESSONS.map(([key, title]) => html`<a key=${key} href=${link(["learn", key])} aria-current=${key === name ? "page" : undefined}>${title}</a>`)}</nav>
    <${Lesson} key=${name} />`;
}

const Train = ({ title, query, children }) => html`<${Empty} icon="learn" title=${title}><p>${children}</p><${LinkButton} kind="primary" icon="new" href=${link(["new"], query)}>Set up this training</${LinkButton}></${Empty}>`;

// ---- the plane of a model with two latents

const SIDE = 8; // images in a row of the map: 64 in one request
const TILE = 64;

function Plane() {
  const { models, loading, error } = useModels("sample", (run) => run.latent_size === 2);
  const [draft, update] = useDraft("plane", { model: "" });
  if (error) return html`<${Notice} kind="bad">${error.message}</${Notice}>`;
  if (loading) return html`<p class="muted">Looking for models with two latents …</p>`;
  if (!models.length) return html`<${Train} title="No model with two latents yet" query=${{ data: "digits", method: "vae", preset: "digits-2" }}>A VAE whose latent vector has two numbers is a map: each point of a plane is an image. It trains in under a minute.</${Train}>`;
  const model = models.find((one) => one.value === draft.model)?.value ?? models[0].value;
  return html`<${PlaneView} key=${model} model=${model} picker=${html`<${ModelPicker} models=${models} value=${model} onChange=${(value) => update({ model: value })} />`} />`;
}

const centres = Array.from({ length: SIDE }, (_, n) => ((n + 0.5) / SIDE) * 2 - 1);

function PlaneView({ model, picker }) {
  const [point, setPoint] = useState([0, 0]);
  const [image, setImage] = useState(null);
  const [problem, setProblem] = useState(null);
  const map = useRef();
  const [, failure, ask] = useLatest(async (at) => setImage((await api.latent(model, [at])).images[0]));
  useEffect(() => {
    let ended = false;
    ask([0, 0]);
    api
      .latent(model, centres.flatMap((_, row) => centres.map((x) => [x, -centres[row]])))
      .then(async ({ images }) => {
        const bitmaps = await Promise.all(images.map(decoded));
        if (ended || !map.current) return;
        const pen = map.current.getContext("2d");
        bitmaps.forEach((bitmap, n) => pen.drawImage(bitmap, (n % SIDE) * TILE, Math.floor(n / SIDE) * TILE, TILE, TILE));
      })
      .catch((error) => setProblem(error.message));
    return () => (ended = true);
  }, [model]);
  const go = (x, y) => {
    const next = [Math.max(-1, Math.min(1, x)), Math.max(-1, Math.min(1, y))];
    setPoint(next);
    ask(next);
  };
  const move = (event) => {
    const box = event.currentTarget.getBoundingClientRect();
    go(((event.clientX - box.left) / box.width) * 2 - 1, 1 - ((event.clientY - box.top) / box.height) * 2);
  };
  const keys = (event) => {
    const step = event.shiftKey ? 0.2 : 0.04;
    const by = { ArrowLeft: [-step, 0], ArrowRight: [step, 0], ArrowUp: [0, step], ArrowDown: [0, -step] }[event.key];
    if (!by) return;
    event.preventDefault();
    go(point[0] + by[0], point[1] + by[1]);
  };
  const words = `${figure(Number(point[0].toFixed(2)))}, ${figure(Number(point[1].toFixed(2)))}`;
  return html`<div class="panel">
    <div style=${{ maxWidth: "360px" }}>${picker}</div>
    ${(problem ?? failure) && html`<${Notice} kind="bad">${problem ?? failure}</${Notice}>`}
    <div class="halves">
      <div class="stack close">
        <div class="plane" tabindex="0" role="application" aria-label="Plane of latents: move with the arrow keys" onPointerMove=${move} onPointerDown=${move} onKeyDown=${keys}>
          <canvas ref=${map} class="pixels" width=${SIDE * TILE} height=${SIDE * TILE}></canvas>
          <span class="cross" style=${{ left: `${50 + 50 * point[0]}%`, top: `${50 - 50 * point[1]}%` }}></span>
        </div>
        <p class="small muted">Move over the map. It is spread by the quantiles of the normal distribution, so that equal areas are equally probable.</p>
      </div>
      <figure class="stack close"><div class="picture">${image && html`<img class="shown pixels" src=${image} alt=${`Image at the point ${words}`} />`}</div>
        <figcaption class="small muted number" aria-live="polite">Image at the point (${words})</figcaption></figure>
    </div>
  </div>`;
}

async function decoded(source) {
  const image = new Image();
  image.src = source;
  await image.decode();
  return image;
}

// ---- the steps of a diffusion

function Diffusion() {
  const { models, loading, error } = useModels("denoise");
  const [draft, update] = useDraft("learn-diffusion", { model: "", seed: "0", steps: 24, label: "", values: {} });
  const verb = useRequest(() => api.verb("sample"), []);
  const film = useOwnJob("learn-diffusion");
  const model = (models.find((one) => one.value === draft.model) ?? models[0])?.value;
  const details = useModelDetails(model);
  if (error) return html`<${Notice} kind="bad">${error.message}</${Notice}>`;
  if (!models.length) return loading ? html`<p class="muted">Looking for diffusion models …</p>` : html`<${Train} title="No diffusion model yet" query=${{ data: "digits", method: "diffusion", preset: "digits" }}>A diffusion model turns noise into an image in steps, which can be watched one by one.</${Train}>`;
  const classes = details?.classes ?? [];
  const label = draft.label || classes[0];
  const start = (seed = draft.seed) => {
    const out = outputFolder("steps");
    film.start("sample", { model, count: 1, seed: wholeNumber(seed), steps: draft.steps, film: `${out}/film.gif`, out, ...draft.values, ...(label && { label: [label] }) });
  };
  const done = film.job?.state === "done" ? film.job : null;
  return html`<div class="bench">
    <form class="panel controls" onSubmit=${(event) => { event.preventDefault(); start(); }}>
      <${ModelPicker} models=${models} value=${model} onChange=${(value) => update({ model: value, label: "" })} />
      <div class="row" style=${{ alignItems: "flex-end", flexWrap: "nowrap" }}><div class="grow"><${TextField} label="Seed" inputmode="numeric" value=${draft.seed} onInput=${(event) => update({ seed: event.target.value })} /></div><${Dice} onChange=${(seed) => { update({ seed: String(seed) }); start(seed); }} /></div>
      ${classes.length > 0 && html`<${SelectField} label="Class" value=${label} options=${classes.map((one) => [one, one])} onChange=${(label) => update({ label })} />`}
      <${Slider} label="Steps" min=${2} max=${60} value=${draft.steps} onInput=${(steps) => update({ steps })} />
      <${Answer} of=${verb}>${({ schema }) => html`<${Fields} schema=${schema} names=${["sampler"]} values=${draft.values} onChange=${(name, value) => update({ values: value == null ? {} : { [name]: value } })} />`}</${Answer}>
      ${film.error && html`<${Notice} kind="bad">${film.error.message}</${Notice}>`}
      ${film.job && film.job.state !== "done" && html`<${JobProgress} job=${film.job} />`}
      <button class="button primary" type="submit" disabled=${film.job && !isOver(film.job)}>Show the steps</button>
    </form>
    <div class="panel">
      ${done
        ? html`<div style=${{ width: "min(100%, 560px)", margin: "0 auto" }}><${GifFilm} path=${done.options.film} alt="Steps of the denoising" rate=${6} words=${(at, total) => `step ${at} of ${total - 1}`} /></div>`
        : html`<${Empty} icon="learn" title="Nothing yet"><p>Choose a seed and press “Show the steps”.</p></${Empty}>`}
      <div class="stack close"><h3>What happens</h3>
        <p class="muted">It begins with Gaussian noise of the largest noise level σ. At each step the network estimates the clean image from the noisy one, and the sampler moves a little towards it, to the next smaller σ. Large shapes are settled first, at high noise; details come at the end.</p></div>
    </div>
  </div>`;
}

// ---- a drawn digit

const PAD = 280;

function Draw() {
  const encoders = useModels("encode", (run) => run.task !== "latent");
  const generators = useModels("sample", (run) => Boolean(run.path) && !(run.capabilities ?? []).includes("denoise") && !(run.capabilities ?? []).includes("encode"));
  const models = [...encoders.models, ...generators.models];
  const [draft, update] = useDraft("draw", { model: "", strokes: [], size: 0.09, light: false });
  const [answer, setAnswer] = useState(null);
  const model = (models.find((one) => one.value === draft.model) ?? models[0])?.value;
  const [busy, problem, ask] = useLatest(async ({ of, strokes, light }) => {
    const pad = document.createElement("canvas");
    pad.width = pad.height = PAD;
    drawStrokes(pad, strokes, light ? { colour: "#000", background: "#fff" } : { colour: "#fff", background: "#000" });
    setAnswer(strokes.length ? await api.drawn(of, pad.toDataURL("image/png")) : null);
  });
  useEffect(() => {
    if (model && draft.strokes.length) ask({ of: model, strokes: draft.strokes, light: draft.light });
  }, [model, draft.light]);
  if (encoders.error) return html`<${Notice} kind="bad">${encoders.error.message}</${Notice}>`;
  if (encoders.loading || generators.loading) return html`<p class="muted">Looking for models …</p>`;
  if (!models.length) return html`<${Train} title="No model to ask yet" query=${{ data: "digits", method: "vae", preset: "digits-20" }}>A VAE finds the latents of what you draw, and draws it again from them; a GAN’s discriminator says how real it looks.</${Train}>`;
  const draw = (strokes, done) => {
    update({ strokes });
    if (done) ask({ of: model, strokes, light: draft.light });
  };
  const colours = draft.light ? { colour: "#000", background: "#fff" } : { colour: "#fff", background: "#000" };
  return html`<div class="panel">
    <div class="row wide" style=${{ alignItems: "flex-end" }}>
      <div style=${{ width: "min(100%, 320px)" }}><${ModelPicker} models=${models} value=${model} onChange=${(value) => { setAnswer(null); update({ model: value }); }} /></div>
      <div style=${{ width: "160px" }}><${Slider} label="Pen" min=${0.03} max=${0.2} step=${0.01} value=${draft.size} onInput=${(size) => update({ size })} format=${(value) => `${Math.round(100 * value)} %`} /></div>
      <label class="check"><input type="checkbox" checked=${draft.light} onChange=${(event) => update({ light: event.target.checked })} />Dark on light</label>
    </div>
    ${problem && html`<${Notice} kind="bad">${problem}</${Notice}>`}
    <div class="halves">
      <div class="stack close">
        <h3>Your drawing</h3>
        <${PaintCanvas} class="pad-canvas" width=${PAD} height=${PAD} strokes=${draft.strokes} onStrokes=${draw} size=${draft.size} ...${colours} label="Drawing" />
        <div class="row"><${Button} icon="undo" size="small" disabled=${!draft.strokes.length} onClick=${() => draw(draft.strokes.slice(0, -1), true)}>Undo</${Button}><${Button} size="small" disabled=${!draft.strokes.length} onClick=${() => draw([], true)}>Clear</${Button}></div>
      </div>
      <div class="stack close" aria-live="polite">
        <h3>Reconstruction ${busy ? html`<span class="muted">(following …)</span>` : ""}</h3>
        <div class="picture" style=${{ maxWidth: "340px" }}>${answer?.reconstruction ? html`<${Picture} src=${answer.reconstruction} alt="Reconstruction of the drawing" eager />` : html`<span class="missing">${answer ? "This model has no encoder" : "Draw something"}</span>`}</div>
      </div>
      <div class="stack">
        ${answer?.probability != null &&
        html`<div class="stack close"><h3>The discriminator’s opinion</h3><div class="meter" role="meter" aria-label="Probability that the drawing is real" aria-valuemin="0" aria-valuemax="100" aria-valuenow=${Math.round(100 * answer.probability)}><span style=${{ width: percent(answer.probability).replace(" ", "") }}></span></div>
          <p>${percent(answer.probability)} that this is a training image</p></div>`}
        ${answer?.latent && html`<div class="stack close"><h3>Its latent</h3><${Bars} values=${answer.latent} /></div>`}
      </div>
    </div>
  </div>`;
}

/** Numbers around 0 as bars from the middle, up to ±3. */
function Bars({ values }) {
  const shown = values.slice(0, 24);
  return html`<div class="bars">${shown.map((value, n) => {
    const share = Math.min(1, Math.abs(value) / 3) / 2;
    return html`<div key=${n}><span>z${n + 1}</span><span class="track"><span style=${{ left: `${100 * (value < 0 ? 0.5 - share : 0.5)}%`, width: `${100 * share}%` }}></span></span><span>${value.toFixed(2)}</span></div>`;
  })}${values.length > shown.length && html`<p class="small muted">and ${values.length - shown.length} more</p>`}</div>`;
}
