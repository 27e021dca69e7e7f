// New training: images, then what is trained, then options; an estimate, and start.

import { api } from "../api.js";
import { Drop, LeftOut } from "../drop.js";
import { html, useEffect, useId, useMemo, useState } from "../dom.js";
import { Fields, MoreOptions, problemOf, useCheck, valuesFor } from "../form.js";
import { JobProgress, isActive, isOver, useOwnJob } from "../jobs.js";
import { ContactSheet, CheckReport } from "../contact.js";
import { Answer, Button, Command, Notice, Segmented, TextField } from "../parts.js";
import { go, replace } from "../router.js";
import { Scheme } from "../scheme.js";
import { complain, loadState, useDraft, useRequest, useShared } from "../state.js";
import { baseName, bytes, count, integer, sentence } from "../text.js";

const TASKS = [
  ["generate", "Generate", "New images that look like yours, from random noise."],
  ["translate", "Translate", "Images of one kind into another: summer to winter, sketch to photograph."],
  ["upscale", "Upscale", "Small images to large ones with plausible detail."],
  ["latent", "Encode", "The latents of images, for a generator that is already trained."],
];
const PLACED = ["method", "preset", "data", "data_b", "out", "resume", "restart", "json"];
const EMPTY = {
  source: "upload", upload: null, uploadB: null, folder: "", folderB: "", dataset: "digits",
  task: "generate", method: "", preset: "", values: {}, name: "", estimated: "",
};

export function NewTraining({ query }) {
  const app = useShared((s) => s.app);
  const [draft, update] = useDraft("new", EMPTY);
  usePrefill(query, app, update);
  const task = app.methods.some((one) => one.task === draft.task) ? draft.task : app.methods[0].task;
  const methods = app.methods.filter((one) => one.task === task);
  const method = methods.find((one) => one.name === draft.method) ?? methods[0];
  const preset = method.presets.find((one) => one.name === draft.preset)?.name ?? "";
  const verb = useRequest(() => api.verb("train", { method: method.name, preset }), [method.name, preset]);
  const runs = useRequest(() => api.runs(0, 500), []);
  const { data, dataB } = chosenData(draft, task);
  const proposed = proposedName(data, method.name, runs.data?.runs ?? []);
  const name = draft.name.trim() || proposed;
  const options = useMemo(() => {
    const values = verb.data ? valuesFor(verb.data.schema, draft.values) : {};
    return { method: method.name, ...(preset && { preset }), out: `runs/${name}`, ...(data && { data }), ...(dataB && { data_b: dataB }), ...values };
  }, [verb.data, draft.values, method.name, preset, name, data, dataB]);
  const check = useCheck("train", options, Boolean(data));
  const set = (field, value) => update((old) => {
    const values = { ...old.values };
    if (value === undefined) delete values[field];
    else values[field] = value;
    return { values };
  });
  return html`
    <div class="page-head"><div class="grow"><h1>New training</h1><p>What you enter here stays until you start, also after a refresh.</p></div>
      ${JSON.stringify({ ...draft, estimated: "" }) !== JSON.stringify(EMPTY) && html`<${Button} kind="quiet" icon="undo" onClick=${() => update(EMPTY)}>Begin anew</${Button}>`}</div>
    <div class="summary-layout">
      <div class="stack" style=${{ gap: "36px" }}>
        <${Images} app=${app} draft=${draft} update=${update} task=${task} data=${data} errors=${check.errors} />
        <${Method} app=${app} task=${task} methods=${methods} method=${method} preset=${preset} update=${update} />
        <${Answer} of=${verb} loading="Loading the options …">${({ schema }) => html`<${Options} schema=${schema} values=${draft.values} errors=${check.errors} set=${set} name=${draft.name} proposed=${proposed} update=${update} />`}</${Answer}>
      </div>
      <${Summary} data=${data} dataB=${dataB} method=${method} preset=${preset} options=${options} check=${check} draft=${draft} update=${update} schema=${verb.data?.schema} />
    </div>`;
}

/** The images that the form names, by the source that is chosen. */
function chosenData(draft, task) {
  const both = task === "translate" || task === "upscale";
  if (draft.source === "dataset") return { data: draft.dataset, dataB: null };
  if (draft.source === "folder") return { data: draft.folder.trim(), dataB: both ? draft.folderB.trim() || null : null };
  return { data: draft.upload?.folder ?? "", dataB: both ? (draft.uploadB?.folder ?? null) : null };
}

function proposedName(data, method, runs) {
  const base = `${baseName(!data ? "run" : data.startsWith("uploads/") ? "images" : data).toLowerCase().replace(/[^a-z0-9]+/g, "-").replace(/^-+|-+$/g, "") || "run"}-${method}`;
  const taken = new Set(runs.map((run) => run.name));
  for (let n = 1; ; n++) {
    const name = n === 1 ? base : `${base}-${n}`;
    if (!taken.has(name)) return name;
  }
}

/** Fills the form from the address: an example's data and method, or the options of a run. */
function usePrefill(query, app, update) {
  const key = JSON.stringify(query);
  useEffect(() => {
    const { from, data, method, preset, task } = query;
    if (from) duplicate(from, app).then(update, complain);
    else if (data || method || task) {
      const found = app.methods.find((one) => one.name === method);
      update({ ...EMPTY, ...(data ? sourceOf(data, app) : {}), task: found?.task ?? task ?? "generate", method: method ?? "", preset: preset ?? "" });
    }
    if (from || data || method || task) replace(["new"]);
  }, [key]);
}

function sourceOf(data, app) {
  if (app.datasets.some((one) => one.name === data)) return { source: "dataset", dataset: data };
  if (data?.startsWith("uploads/")) return { source: "upload", upload: { folder: data, count: null, skipped: [] } };
  return { source: "folder", folder: data ?? "" };
}

async function duplicate(name, app) {
  const run = await api.run(name);
  const preset = run.preset ?? "";
  const { schema } = await api.verb("train", { method: run.method, preset });
  const values = {};
  for (const [option, value] of Object.entries(run.options)) {
    const property = schema.properties[option];
    if (property && !PLACED.includes(option) && value != null && JSON.stringify(value) !== JSON.stringify(property.default ?? null)) values[option] = value;
  }
  const source = sourceOf(run.data, app);
  const second = run.options.data_b;
  if (second && source.source === "folder") source.folderB = second;
  if (second && source.source === "upload") source.uploadB = { folder: second, count: null, skipped: [] };
  return { ...EMPTY, ...source, task: run.task, method: run.method, preset, values };
}

const Title = ({ number, id, children }) => html`<h2 class="step-title" id=${id}><span aria-hidden="true">${number}</span>${children}</h2>`;

// ---- 1: images

function Images({ app, draft, update, task, data, errors }) {
  const checking = useOwnJob("data-check");
  const look = (path) => checking.start("data check", { data: path });
  const checked = checking.job?.options.data === data ? checking.job : null;
  const both = task === "translate" || task === "upscale";
  const uploaded = (answer) => {
    update({ upload: { folder: answer.folder, count: answer.count, skipped: answer.skipped.slice(0, 200), left: answer.skipped_count ?? answer.skipped.length } });
    if (answer.count) look(answer.folder);
  };
  const [first, second] = task === "translate" ? ["Images of domain A, or pairs", "Images of domain B (a second folder)"] : ["Images", "Their low-resolution versions (made from the images if left out)"];
  return html`<section class="section" aria-labelledby="step-images">
    <${Title} number="1" id="step-images">Images</${Title}>
    <div><${Segmented} label="Where the images are" value=${draft.source} onChange=${(source) => update({ source })} options=${[["upload", "Upload"], ["folder", "Folder on this computer"], ["dataset", "Dataset by name"]]} /></div>
    ${draft.source === "upload" &&
    html`<div class="stack">
      ${both && html`<p class="label">${first}</p>`}
      <${Uploaded} upload=${draft.upload} onUploaded=${uploaded} onClear=${() => update({ upload: null })} />
      ${both &&
      html`<p class="label">${second}</p>
        <${Uploaded} upload=${draft.uploadB} small onUploaded=${(answer) => update({ uploadB: { folder: answer.folder, count: answer.count, skipped: answer.skipped.slice(0, 200) } })} onClear=${() => update({ uploadB: null })} />`}
    </div>`}
    ${draft.source === "folder" &&
    html`<div class="stack">
      <${TextField} label=${both ? first : "Folder, table (.csv) or IDX file"} value=${draft.folder} placeholder="/home/me/photos" error=${errors.data}
        help="A path of this computer, or one below the studio's home. A folder in the folder for each class gives labels." onInput=${(event) => update({ folder: event.target.value })} />
      ${both && html`<${TextField} label=${second} value=${draft.folderB} error=${errors.data_b} help="Leave it out if the first folder has trainA and trainB, or images side by side." onInput=${(event) => update({ folderB: event.target.value })} />`}
      ${data && html`<div class="row"><${Button} icon="search" onClick=${() => look(data)}>Look at the images</${Button}><span class="small muted">Reads every image and says what cannot be used.</span></div>`}
    </div>`}
    ${draft.source === "dataset" && html`<${Datasets} app=${app} value=${draft.dataset} onChange=${(dataset) => update({ dataset })} onLook=${look} />`}
    ${draft.source !== "folder" && errors.data && data && html`<${Notice} kind="bad">${errors.data}</${Notice}>`}
    ${checking.error && html`<${Notice} kind="bad">${checking.error.message}</${Notice}>`}
    ${checked && html`<${JobProgress} job=${checked} />`}
    ${checked?.state === "done" && checked.result && html`<${CheckReport} report=${checked.result} />`}
    ${data.startsWith("uploads/") && draft.source !== "dataset" && html`<${ContactSheet} path=${data} broken=${checked?.result?.broken} />`}
  </section>`;
}

function Uploaded({ upload, small, onUploaded, onClear }) {
  if (!upload) return html`<${Drop} small=${small} hint="PNG, JPEG, WebP and more; a zip is unpacked, folders in it become classes" onUploaded=${onUploaded} />`;
  return html`<div class="card pad stack close">
    <div class="row"><div class="grow"><strong>${upload.count == null ? "Uploaded before" : `${count(upload.count, "file")} uploaded`}</strong><p class="small muted mono wrap">${upload.folder}</p></div>
      <${Button} size="small" onClick=${onClear}>Choose others</${Button}></div>
    <${LeftOut} skipped=${upload.skipped} total=${upload.left} />
  </div>`;
}

function Datasets({ app, value, onChange, onLook }) {
  const name = useId();
  const chosen = app.datasets.find((one) => one.name === value);
  return html`<div class="stack">
    <div class="choices" role="radiogroup" aria-label="Dataset">${app.datasets.map(
      (one) => html`<label class="choice" key=${one.name}><input type="radio" name=${name} checked=${one.name === value} onChange=${() => onChange(one.name)} />
        <span class="row tight"><strong class="grow">${one.name}</strong>${!one.ready && html`<span class="chip">not fetched</span>`}</span><p>${sentence(one.about)}</p></label>`,
    )}</div>
    ${chosen && !chosen.ready && html`<${Fetch} key=${chosen.name} name=${chosen.name} />`}
    ${chosen?.ready && html`<div class="row"><${Button} icon="search" size="small" onClick=${() => onLook(chosen.name)}>Look at the images</${Button}></div>`}
  </div>`;
}

function Fetch({ name }) {
  const fetching = useOwnJob(`data-get-${name}`, loadState);
  const verb = useRequest(() => api.verb("data get", { name }), [name]);
  const [values, setValues] = useState({});
  const schema = verb.data?.schema;
  const names = schema ? Object.keys(schema.properties).filter((one) => !["name", "out", "json"].includes(one)) : [];
  const busy = fetching.job && !isOver(fetching.job);
  const errors = fetching.error ? problemOf(fetching.error).errors : {};
  return html`<div class="panel">
    <p><strong>${name}</strong> is not on this computer yet. It is fetched or drawn once, and kept.</p>
    ${schema && !busy && html`<${Fields} schema=${schema} names=${names} values=${values} errors=${errors} onChange=${(field, value) => setValues((old) => ({ ...old, [field]: value }))} />`}
    ${fetching.error && !fetching.error.field && html`<${Notice} kind="bad">${fetching.error.message}</${Notice}>`}
    <${JobProgress} job=${fetching.job} />
    ${!busy && html`<div class="row"><${Button} kind="primary" icon="download" onClick=${() => fetching.start("data get", { name, ...clean(values) })}>Fetch ${name}</${Button}></div>`}
  </div>`;
}

const clean = (values) => Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined && value !== ""));

// ---- 2: task, method, preset

function Method({ app, task, methods, method, preset, update }) {
  const name = useId();
  const tasks = TASKS.filter(([key]) => app.methods.some((one) => one.task === key));
  const presets = [{ name: "", about: "The method's own defaults." }, ...method.presets];
  return html`<section class="section" aria-labelledby="step-method">
    <${Title} number="2" id="step-method">What to train</${Title}>
    <fieldset class="stack close"><legend class="label">Task</legend><div class="choices tasks">${tasks.map(
      ([key, title, about]) => html`<label class="choice" key=${key}><input type="radio" name=${`${name}t`} checked=${key === task} onChange=${() => update({ task: key, method: "", preset: "", values: {} })} />
        <strong>${title}</strong><p>${about}</p></label>`,
    )}</div></fieldset>
    <fieldset class="stack close"><legend class="label">Method</legend><div class="choices">${methods.map(
      (one) => html`<label class="choice" key=${one.name}><input type="radio" name=${`${name}m`} checked=${one === method} onChange=${() => update({ method: one.name, preset: "", values: {} })} />
        <${Scheme} method=${one.name} task=${task} /><strong>${one.name}</strong><p>${sentence(one.about)}</p></label>`,
    )}</div></fieldset>
    ${method.presets.length > 0 &&
    html`<fieldset class="stack close"><legend class="label">Preset</legend><div class="choices">${presets.map(
      (one) => html`<label class="choice" key=${one.name}><input type="radio" name=${`${name}p`} checked=${one.name === preset} onChange=${() => update({ preset: one.name })} />
        <strong>${one.name || "defaults"}</strong><p>${sentence(one.about)}${one.name && one.name === method.default ? html` <span class="chip">default</span>` : ""}</p></label>`,
    )}</div></fieldset>`}
  </section>`;
}

// ---- 3: options

function Options({ schema, values, errors, set, name, proposed, update }) {
  const all = Object.keys(schema.properties).filter((one) => !PLACED.includes(one));
  const common = all.filter((one) => schema.properties[one]["x-common"]);
  const more = all.filter((one) => !common.includes(one));
  return html`<section class="section" aria-labelledby="step-options">
    <${Title} number="3" id="step-options">Options</${Title}>
    <div class="panel">
      <div class="fields"><${TextField} label="Name of the run" value=${name} placeholder=${proposed} error=${errors.out} help="A folder of this name under runs/ holds everything that the training makes." onInput=${(event) => update({ name: event.target.value })} /></div>
      <${Fields} schema=${schema} names=${common} values=${values} errors=${errors} onChange=${set} />
      <${MoreOptions} schema=${schema} names=${more} values=${values} errors=${errors} onChange=${set} />
    </div>
  </section>`;
}

// ---- the summary beside the form

function Summary({ data, dataB, method, preset, options, check, draft, update, schema }) {
  const estimate = useOwnJob("estimate");
  const [busy, setBusy] = useState(false);
  const [refused, setRefused] = useState(null);
  const running = useShared((s) => s.jobs.some((job) => isActive(job) && job.trains));
  const key = JSON.stringify({ ...options, out: "" });
  useEffect(() => setRefused(null), [JSON.stringify(options)]);
  const current = draft.estimated === key ? estimate.job : null;
  const measuring = current && !isOver(current);
  const length = options.steps ?? schema?.properties.steps?.default;
  const measure = async () => {
    try {
      const { id } = await api.estimate(options);
      estimate.watch(id);
      update({ estimated: key });
    } catch (error) {
      setRefused(error);
    }
  };
  const start = async () => {
    setBusy(true);
    try {
      await api.start("train", options);
      update({ name: "", estimated: "" });
      go(["run", options.out.slice("runs/".length)]);
    } catch (error) {
      setRefused(error);
      setBusy(false);
    }
  };
  const problems = refused ? problemOf(refused) : check;
  const wrong = Object.values(problems.errors)[0] ?? problems.error;
  const found = current?.state === "done" ? current.result : null;
  return html`<aside class="panel" aria-label="Summary">
    <h2>Summary</h2>
    <dl class="facts">
      <dt>Images</dt><dd>${data ? `${data}${dataB ? ` and ${dataB}` : ""}` : html`<span class="muted">choose some</span>`}</dd>
      <dt>Method</dt><dd>${method.name}${preset ? `, ${preset}` : ""}</dd>
      <dt>Run</dt><dd>${options.out}</dd>
      ${length != null && html`<dt>Steps</dt><dd>${integer(length)}</dd>`}
      ${Object.keys(draft.values).length > 0 && html`<dt>Changed</dt><dd>${count(Object.keys(draft.values).length, "option")}</dd>`}
    </dl>
    <div class="stack close">
      ${found &&
      html`<div class="notice good" role="status"><div class="stack tight"><strong>${found.words ?? ""}</strong>
        <span class="small number">${integer(found.steps)} steps, ${integer(Math.round(found.images_per_second))} images/s, ${bytes(found.memory_bytes)} of memory</span></div></div>`}
      ${current && !found && html`<${JobProgress} job=${current} />`}
      ${!found && !measuring && html`<${Button} disabled=${!data || check.checking || !check.command} onClick=${measure}>Estimate time and memory</${Button}><p class="small muted">Measures a few steps here.${running ? " Beside the training that runs now it is slower than alone." : ""}</p>`}
    </div>
    ${data && wrong && html`<${Notice} kind="bad">${wrong}</${Notice}>`}
    <div class="stack tight">
      <${Button} kind="primary" size="large" icon="play" disabled=${!data || check.checking || !check.command} busy=${busy} onClick=${start}>${running ? "Add to the queue" : "Start training"}</${Button}>
      ${!data && html`<p class="small muted">Choose images first.</p>`}
      ${running && html`<p class="small muted">It begins when what is running has ended.</p>`}
    </div>
    ${check.command && html`<details><summary class="small">The same in a terminal</summary><${Command} text=${check.command} /></details>`}
  </aside>`;
}
