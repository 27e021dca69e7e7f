// Use: sample, translate and upscale with a model that is kept loaded.

import { api, fileUrl, upload } from "../api.js";
import { html, useEffect, useState } from "../dom.js";
import { Icon } from "../icons.js";
import { link, replace } from "../router.js";
import { complain, loadRuns, useShared } from "../state.js";
import { figure } from "../text.js";

const TABS = { sample: "Sample", translate: "Translate", upscale: "Upscale" };
const MOST_SEED = 1e9;

function useModels(app, verb) {
  const runs = useShared((s) => s.runs) ?? [];
  useEffect(() => void loadRuns(), []);
  const task = { sample: "generate", translate: "translate", upscale: "upscale" }[verb];
  const shipped = app.shipped.filter((one) => one.task === task).map((one) => one.name);
  return [...runs.filter((run) => run.has_model && run.capabilities.includes(verb)).map((run) => run.path), ...shipped];
}

function ModelChoice({ models, value, verb }) {
  return html`<div class="field"><label for="model">Model</label>
    <select id="model" value=${value} onChange=${(e) => replace(["use", verb], { model: e.target.value })}>${models.map((one) => html`<option value=${one}>${one.replace(/^runs\//, "")}</option>`)}</select></div>`;
}

/** What a request answered, and how it goes; asked by `run`. */
function useWork() {
  const [state, setState] = useState({ result: null, problem: null, seconds: null, busy: false });
  const run = async (work) => {
    const began = performance.now();
    setState((old) => ({ ...old, busy: true, problem: null }));
    try {
      const result = await work();
      setState({ result, problem: null, seconds: (performance.now() - began) / 1000, busy: false });
    } catch (error) {
      setState((old) => ({ ...old, problem: error.message, busy: false }));
    }
  };
  return { ...state, run };
}

function Elapsed({ busy }) {
  const [seconds, setSeconds] = useState(0);
  useEffect(() => {
    if (!busy) return undefined;
    setSeconds(0);
    const timer = setInterval(() => setSeconds((old) => old + 1), 1000);
    return () => clearInterval(timer);
  }, [busy]);
  return busy ? html`<span class="small muted" role="status">${seconds} s …</span>` : null;
}

function Sample({ app, query }) {
  const models = useModels(app, "sample");
  const model = models.includes(query.model) ? query.model : models[0];
  const [form, setForm] = useState({ count: 16, seed: 0, label: "", steps: "", guidance: "" });
  const [classes, setClasses] = useState([]);
  const work = useWork();
  const shippedDiffusion = app.shipped.find((one) => one.name === model)?.method === "diffusion";
  useEffect(() => {
    setClasses(shippedDiffusion ? [..."0123456789"] : []);
    if (model?.startsWith("runs/")) api.run(model.slice(5)).then((run) => setClasses(run.classes)).catch(complain);
  }, [model]);
  const run = useShared((s) => s.runs?.find((one) => one.path === model));
  const denoises = shippedDiffusion || run?.capabilities.includes("denoise");
  const ask = (changes = {}) => {
    const now = { ...form, ...changes };
    setForm(now);
    const body = { model, count: Number(now.count), seed: Number(now.seed) };
    if (now.label !== "") body.label = [now.label];
    if (denoises && now.steps !== "") body.steps = Number(now.steps);
    if (denoises && now.guidance !== "") body.guidance = Number(now.guidance);
    work.run(() => api.sample(body));
  };
  const field = (name, words, more = {}) => html`<div class="field"><label for=${name}>${words}</label><input id=${name} inputmode="numeric" value=${form[name]} ...${more} onInput=${(e) => setForm({ ...form, [name]: e.target.value })} /></div>`;
  if (!model) return html`<div class="empty"><p>No model that samples is trained yet.</p><a class="button primary" href=${link(["new"])}>Train one</a></div>`;
  return html`<form onSubmit=${(e) => (e.preventDefault(), ask())}><div class="fields">
      <${ModelChoice} models=${models} value=${model} verb="sample" />
      ${field("count", "How many")}${field("seed", "First seed")}
      ${classes.length > 0 && html`<div class="field"><label for="class">Class</label><select id="class" value=${form.label} onChange=${(e) => setForm({ ...form, label: e.target.value })}><option value="">all in turn</option>${classes.map((one) => html`<option>${one}</option>`)}</select></div>`}
      ${denoises && field("steps", "Steps", { placeholder: "12" })}${denoises && field("guidance", "Guidance", { placeholder: "1" })}
    </div>
    <p class="row" style=${{ marginTop: "14px" }}><button class="primary" disabled=${work.busy}>Sample</button>
      <button type="button" disabled=${work.busy} onClick=${() => ask({ seed: Math.floor(Math.random() * MOST_SEED) })}><${Icon} name="dice" size="1em" />Other seeds</button>
      <${Elapsed} busy=${work.busy} />${work.seconds && !work.busy && html`<span class="small muted">${figure(work.seconds)} s</span>`}</p>
    ${work.problem && html`<p class="error" role="alert">${work.problem}</p>`}
    </form>
    ${work.result && html`<div class="gallery">${work.result.images.map(
      (one) => html`<figure key=${one.path}><a href=${fileUrl(one.path)} download=${`seed-${one.seed}.png`}><img class="pixel" alt=${`Sample of seed ${one.seed}`} src=${fileUrl(one.path)} /></a><figcaption>seed ${one.seed}</figcaption></figure>`,
    )}</div><p class="small muted">The files are in ${work.result.folder}.</p>`}`;
}

export function CompareSlider({ before, after, label }) {
  const [share, setShare] = useState(50);
  return html`<div class="compare">
    <img alt=${`${label}, after`} src=${after} />
    <div class="before" style=${{ clipPath: `inset(0 ${100 - share}% 0 0)` }}><img alt=${`${label}, before`} src=${before} /></div>
    <input type="range" min="0" max="100" value=${share} aria-label=${`Before and after of ${label}`} aria-valuetext=${`${share} % before`} onInput=${(e) => setShare(Number(e.target.value))} />
    <div class="edge" style=${{ left: `${share}%` }}></div>
  </div>`;
}

function Images({ verb, app, query }) {
  const models = useModels(app, verb);
  const model = models.includes(query.model) ? query.model : models[0];
  const [files, setFiles] = useState([]);
  const [direction, setDirection] = useState("ab");
  const work = useWork();
  const take = async (chosen) => {
    try {
      const made = await upload([...chosen]);
      setFiles(made.files);
    } catch (error) {
      complain(error);
    }
  };
  const ask = () => work.run(() => (verb === "translate" ? api.translate({ model, images: files, direction }) : api.upscale({ model, images: files })));
  if (!model) return html`<div class="empty"><p>No model that translates is trained yet.</p><a class="button primary" href=${link(["new"])}>Train one</a></div>`;
  return html`<div class="fields">
      <${ModelChoice} models=${models} value=${model} verb=${verb} />
      ${verb === "translate" && html`<div class="field"><label for="direction">Direction</label><select id="direction" value=${direction} onChange=${(e) => setDirection(e.target.value)}><option value="ab">A to B</option><option value="ba">B to A</option></select></div>`}
      <div class="field"><label for="files">Images</label><input id="files" type="file" multiple accept="image/*" onChange=${(e) => take(e.target.files)} /></div>
    </div>
    <p class="row"><button class="primary" disabled=${work.busy || !files.length} onClick=${ask}>${TABS[verb]}</button><${Elapsed} busy=${work.busy} />${work.seconds && !work.busy && html`<span class="small muted">${figure(work.seconds)} s</span>`}</p>
    ${work.problem && html`<p class="error" role="alert">${work.problem}</p>`}
    ${work.result && html`<div class="panels">${work.result.pairs.map(
      (one) => html`<figure class="card" key=${one.result} style=${{ margin: 0 }}><${CompareSlider} before=${fileUrl(one.source)} after=${fileUrl(one.result)} label=${one.source.split("/").pop()} />
        <figcaption class="row small" style=${{ marginTop: "8px" }}><span class="grow muted">${one.source.split("/").pop()}: left before, right after</span><a href=${fileUrl(one.result)} download>Save</a></figcaption></figure>`,
    )}</div>
    ${Object.entries(work.result.failed).map(([name, why]) => html`<p class="error" key=${name}>${name}: ${why}</p>`)}`}`;
}

export function Use({ app, parts, query }) {
  const verb = parts[1] in TABS ? parts[1] : "sample";
  return html`<h1>Use</h1>
    <nav class="tabs" aria-label="What to do">${Object.entries(TABS).map(([name, title]) => html`<a key=${name} href=${link(["use", name])} aria-current=${name === verb ? "page" : null}>${title}</a>`)}</nav>
    ${verb === "sample" ? html`<${Sample} app=${app} query=${query} />` : html`<${Images} key=${verb} verb=${verb} app=${app} query=${query} />`}`;
}
