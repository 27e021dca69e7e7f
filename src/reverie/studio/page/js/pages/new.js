// New training: images, then what is trained, then the options that matter; checked before it starts.

import { api, fileUrl, upload } from "../api.js";
import { html, useEffect, useRef, useState } from "../dom.js";
import { Fields, optionsOf } from "../form.js";
import { Icon } from "../icons.js";
import { Progress } from "../job.js";
import { go } from "../router.js";
import { complain, toast, useDraft, useJob, useRequest } from "../state.js";
import { bytes, count, duration, integer, percent } from "../text.js";

const TASKS = {
  generate: ["Images from noise", "A model that samples new images like yours."],
  translate: ["Translation", "From one kind of image to another: two folders, or pairs."],
  upscale: ["Super-resolution", "Small photographs to large ones."],
  latent: ["Encoder", "Finds the latents of images, for a GAN that is trained already."],
};
const PLACES = ["data", "preset", "out", "method", "resume", "restart", "json"];

function Contact({ path }) {
  const { data, error } = useRequest(() => api.folder(path, 0, 24), [path]);
  if (error) return html`<p class="error">${error.message}</p>`;
  if (!data) return null;
  return html`<div><p class="small muted">${count(data.total, "image")} in ${path}${data.folders.length > 0 && `, folders: ${data.folders.slice(0, 12).join(", ")}`}</p>
    <div class="contact">${data.files.map((one) => html`<img key=${one.path} loading="lazy" alt=${one.name} title=${one.name} src=${fileUrl(one.path, { thumb: 128 })} />`)}</div></div>`;
}

function Drop({ onUploaded }) {
  const [sent, setSent] = useState(null);
  const [over, setOver] = useState(false);
  const [left, setLeft] = useState(null);
  const input = useRef();
  const take = async (files) => {
    if (!files.length) return;
    setSent(0);
    try {
      const made = await upload([...files], { onProgress: setSent });
      setLeft(made);
      if (made.count) onUploaded(made.folder);
    } catch (error) {
      complain(error);
    }
    setSent(null);
  };
  const drop = (event) => {
    event.preventDefault();
    setOver(false);
    take(event.dataTransfer.files);
  };
  return html`<div class="drop ${over ? "over" : ""}" onDragOver=${(e) => (e.preventDefault(), setOver(true))} onDragLeave=${() => setOver(false)} onDrop=${drop}>
    <${Icon} name="upload" size="1.8em" />
    <div>Drop images or a zip archive here</div>
    <input ref=${input} class="hidden" type="file" multiple accept="image/*,.zip,.csv" aria-label="Images or a zip archive" onChange=${(e) => take(e.target.files)} />
    <button onClick=${() => input.current.click()}>Choose files</button>
    ${sent != null && html`<div style=${{ width: "100%" }}><${Progress} value=${sent} label="Upload" />${percent(sent)}</div>`}
    ${left && html`<p class="small" role="status">${count(left.count, "file")} read${left.skipped.length > 0 && html`, ${left.skipped_count} left out: ${left.skipped.slice(0, 3).map((one) => `${one.name} (${one.why})`).join(", ")}`}</p>`}
  </div>`;
}

function Data({ app, value, onChange, problem }) {
  const fetchSet = (name) =>
    api.start("data get", { name }).then(() => toast(`${name} is being fetched: see Home.`)).catch(complain);
  return html`<section class="form"><h2>1. Images</h2>
    <${Drop} onUploaded=${onChange} />
    <div class="field"><label for="data">A folder, a table or a dataset by name</label>
      <input id="data" value=${value} placeholder="digits" aria-invalid=${problem ? "true" : null} onInput=${(e) => onChange(e.target.value)} />
      ${problem && html`<span class="error" role="alert">${problem}</span>`}
      <span class="help">A path below the studio's home, or an absolute one. Two domains: a folder with trainA and trainB.</span></div>
    <div class="choices">${app.datasets.map(
      (one) => html`<button class="choice" key=${one.name} aria-pressed=${value === one.name ? "true" : "false"} onClick=${() => (one.ready ? onChange(one.name) : fetchSet(one.name))}>
        <b>${one.name}${one.ready ? "" : " (fetch)"}</b><span>${one.about}</span></button>`,
    )}</div>
    ${value.startsWith("uploads/") && html`<${Contact} path=${value} />`}
  </section>`;
}

function Choices({ title, options, value, onChange }) {
  return html`<div role="group" aria-label=${title}><p class="small muted">${title}</p><div class="choices">
    ${options.map(([name, words, about]) => html`<button class="choice" key=${name} aria-pressed=${value === name ? "true" : "false"} onClick=${() => onChange(name)}><b>${words}</b><span>${about}</span></button>`)}
  </div></div>`;
}

function Options({ schema, values, problem, onChange }) {
  const [search, setSearch] = useState("");
  const properties = schema.properties;
  const names = Object.keys(properties).filter((name) => !PLACES.includes(name));
  const common = names.filter((name) => properties[name]["x-common"]);
  const rest = names.filter((name) => !common.includes(name));
  const matches = (name) => `${name.replaceAll("_", " ")} ${properties[name].description}`.toLowerCase().includes(search.toLowerCase());
  const groups = [...new Set(rest.map((name) => properties[name]["x-group"]))];
  const hidden = problem?.field && rest.includes(problem.field);
  return html`
    <${Fields} properties=${properties} names=${common} values=${values} problem=${problem} onChange=${onChange} />
    <details open=${hidden || null}><summary>More options (${rest.length})</summary>
      <p><label class="hidden" for="find-option">Find an option</label><input id="find-option" type="search" placeholder="Find an option" value=${search} onInput=${(e) => setSearch(e.target.value)} /></p>
      ${groups.map((group) => {
        const found = rest.filter((name) => properties[name]["x-group"] === group && matches(name));
        return found.length > 0 && html`<h2>${group}</h2><${Fields} properties=${properties} names=${found} values=${values} problem=${problem} onChange=${onChange} />`;
      })}
    </details>`;
}

function Estimate({ id }) {
  const job = useJob(id);
  if (!job) return null;
  if (job.state === "done" && job.result) {
    const found = job.result;
    return html`<p class="note" role="status">${found.words[0].toUpperCase() + found.words.slice(1)}: ${integer(found.steps)} steps, ${Math.round(found.images_per_second)} images/s, ${bytes(found.memory_bytes)} of memory, ${count(found.images, "image")}.</p>`;
  }
  return html`<p class="small muted" role="status">${job.error ?? `Measuring a few steps: ${job.state}${job.seconds_left ? `, ${duration(job.seconds_left)} left` : ""}`}</p>`;
}

export function NewTraining({ app, query }) {
  const [draft, change] = useDraft("new", { data: "digits", task: "generate", method: "cgan", preset: "digits", name: "", values: {} });
  const [problem, setProblem] = useState(null);
  const [estimate, setEstimate] = useState(null);
  const [busy, setBusy] = useState(false);
  useEffect(() => {
    if (query.from)
      api.run(query.from).then((run) => change({ data: run.data ?? "", task: run.task, method: run.method, preset: "", name: "", values: Object.fromEntries(Object.entries(run.options).filter(([name, value]) => value != null && typeof value !== "object" && name !== "data")) })).catch(complain);
  }, [query.from]);
  const methods = app.methods.filter((one) => one.task === draft.task);
  const method = methods.find((one) => one.name === draft.method) ?? methods[0];
  const presets = method.presets;
  const preset = presets.some((one) => one.name === draft.preset) ? draft.preset : "";
  const { data: verb } = useRequest(() => api.verb("train", { method: method.name, preset }), [method.name, preset]);
  const name = draft.name.trim() || `${method.name}-${new Date().toISOString().slice(0, 10)}`;
  const options = () => ({
    method: method.name, out: `runs/${name}`, data: draft.data.trim() || "digits",
    ...(preset ? { preset } : {}), ...optionsOf(verb.schema.properties, draft.values),
  });
  const attempt = async (work) => {
    setBusy(true);
    setProblem(null);
    try {
      await work();
    } catch (error) {
      setProblem({ field: error.field, message: error.message });
    }
    setBusy(false);
  };
  const start = () => attempt(async () => {
    await api.start("train", options());
    change({ name: "", values: {} });
    go(["run", name]);
  });
  const values = { ...draft.values };
  const set = (part) => change({ ...part, values: {} });
  return html`
    <h1>New training</h1>
    <${Data} app=${app} value=${draft.data} problem=${problem?.field === "data" ? problem.message : null} onChange=${(data) => change({ data })} />
    <section class="form"><h2>2. What is trained</h2>
      <${Choices} title="Task" value=${draft.task} options=${Object.entries(TASKS).map(([key, [words, about]]) => [key, words, about])} onChange=${(task) => set({ task, method: app.methods.find((one) => one.task === task).name, preset: "" })} />
      <${Choices} title="Method" value=${method.name} options=${methods.map((one) => [one.name, one.name, one.about])} onChange=${(chosen) => set({ method: chosen, preset: "" })} />
      ${presets.length > 0 && html`<${Choices} title="Preset" value=${preset} options=${[["", "no preset", "The defaults of the method."], ...presets.map((one) => [one.name, one.name, one.about])]} onChange=${(chosen) => set({ preset: chosen })} />`}
    </section>
    <section class="form"><h2>3. Options</h2>
      <div class="field"><label for="name">Name of the run</label><input id="name" value=${draft.name} placeholder=${name} aria-invalid=${problem?.field === "out" ? "true" : null} onInput=${(e) => change({ name: e.target.value })} />
        ${problem?.field === "out" && html`<span class="error" role="alert">${problem.message}</span>`}</div>
      ${verb && html`<${Options} schema=${verb.schema} values=${values} problem=${problem} onChange=${(part) => change((old) => ({ values: { ...old.values, ...part } }))} />`}
      ${problem && !(problem.field in (verb?.schema.properties ?? {})) && html`<p class="error" role="alert">${problem.message}</p>`}
      <${Estimate} id=${estimate} />
      <div class="row">
        <button class="primary" disabled=${busy || !verb} onClick=${start}><${Icon} name="play" size="1.1em" />Start training</button>
        <button disabled=${busy || !verb} onClick=${() => attempt(async () => setEstimate((await api.estimate(options())).id))}>How long will it take?</button>
      </div>
    </section>`;
}
