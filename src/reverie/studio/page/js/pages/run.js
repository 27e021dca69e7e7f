// A run, live: curves, samples over time, warnings, log and options, and what can be done with it.

import { api, fileUrl } from "../api.js";
import { Plot } from "../curves.js";
import { html, useEffect, useState } from "../dom.js";
import { Icon } from "../icons.js";
import { isActive, JobButtons, Progress } from "../job.js";
import { go, link } from "../router.js";
import { complain, loadRuns, toast, useRequest, useShared } from "../state.js";
import { capital, duration, figure, integer, label, percent, shown } from "../text.js";

const FRAME_MILLISECONDS = 350;

function Sheets({ sheets, name }) {
  const kinds = [...new Set(sheets.map((one) => one.kind))];
  const [kind, setKind] = useState(kinds[0]);
  const [place, setPlace] = useState(null); // null follows the newest
  const [plays, setPlays] = useState(false);
  const shownSheets = sheets.filter((one) => one.kind === kind);
  const at = Math.min(place ?? shownSheets.length - 1, shownSheets.length - 1);
  const sheet = shownSheets[at];
  useEffect(() => {
    if (!plays) return undefined;
    const timer = setInterval(() => setPlace((old) => ((old ?? -1) + 1) % shownSheets.length), FRAME_MILLISECONDS);
    return () => clearInterval(timer);
  }, [plays, shownSheets.length]);
  if (!sheet) return html`<div class="card"><h2>Samples</h2><p class="muted">The first samples come with the first step.</p></div>`;
  return html`<div class="card sheetview"><div class="top"><h2>${capital(kind)} at step ${integer(sheet.step)}</h2>
      ${kinds.length > 1 && html`<div><label class="hidden" for="kind">Kind of sheet</label><select id="kind" value=${kind} onChange=${(e) => setKind(e.target.value)}>${kinds.map((one) => html`<option>${one}</option>`)}</select></div>`}
    </div>
    <a href=${fileUrl(sheet.path)}><img class="pixel" alt=${`${kind} of ${name} at step ${sheet.step}`} src=${fileUrl(sheet.path)} /></a>
    ${shownSheets.length > 1 && html`<div class="row" style=${{ marginTop: "10px" }}>
      <button aria-label=${plays ? "Pause" : "Play as a film"} onClick=${() => setPlays(!plays)}><${Icon} name=${plays ? "pause" : "play"} size="1em" /></button>
      <label class="hidden" for="time">Step</label>
      <input id="time" class="grow" style=${{ width: "auto" }} type="range" min="0" max=${shownSheets.length - 1} value=${at} aria-valuetext=${`step ${sheet.step}`} onInput=${(e) => (setPlays(false), setPlace(Number(e.target.value)))} />
      ${place != null && html`<button class="plain" onClick=${() => (setPlays(false), setPlace(null))}>newest</button>`}
    </div>`}
  </div>`;
}

function Curves({ panels }) {
  const [logarithmic, setLogarithmic] = useState(false);
  const [smoothing, setSmoothing] = useState(0);
  if (!panels.length) return html`<p class="muted">Nothing was logged yet.</p>`;
  return html`<section><div class="top"><h2>Curves</h2><div class="row small">
      <label class="row"><input type="checkbox" checked=${logarithmic} onChange=${(e) => setLogarithmic(e.target.checked)} />logarithmic</label>
      <label class="row" style=${{ flexWrap: "nowrap" }}>smoothing <input type="range" min="0" max="0.98" step="0.02" value=${smoothing} style=${{ width: "110px" }} onInput=${(e) => setSmoothing(Number(e.target.value))} /></label>
      <span class="muted">drag to zoom, double-click for all</span></div></div>
    <div class="panels">${panels.map((one) => html`<${Plot} key=${one.quantity} title=${capital(one.quantity)} axis=${one.axis} about=${one.about} series=${one.series} smoothing=${smoothing} logarithmic=${logarithmic} />`)}</div>
  </section>`;
}

function Actions({ run, job }) {
  const [more, setMore] = useState(false);
  const [steps, setSteps] = useState("");
  const trash = () =>
    api.trash(run.name).then(({ undo }) => {
      loadRuns();
      go(["home"]);
      toast(`${run.name} is in the trash.`, { action: "Undo", onAction: () => api.restore(undo).then(() => loadRuns()).catch(complain), seconds: 20 });
    }).catch(complain);
  const resume = (options) => api.start("train", { method: run.method, out: run.path, resume: true, ...options }).then(() => setMore(false)).catch(complain);
  const evaluate = () => api.start("evaluate", { model: run.path, data: run.data }).then(() => toast("The evaluation is in the queue: see Home.")).catch(complain);
  const use = run.capabilities.includes("translate") ? "translate" : run.capabilities.includes("upscale") ? "upscale" : "sample";
  return html`<div class="row">
    ${job && isActive(job) ? html`<${JobButtons} job=${job} />` : !run.finished && !run.training && html`<button onClick=${() => resume({})}><${Icon} name="play" size="1em" />Resume</button>`}
    ${run.has_model && html`<a class="button primary" href=${link(["use", use], { model: run.path })}>Use</a>`}
    ${!run.training && html`<button onClick=${() => setMore(!more)}>Train longer</button>`}
    ${run.has_model && html`<button onClick=${evaluate}>Evaluate</button>`}
    <a class="button" href=${link(["new"], { from: run.name })}><${Icon} name="copy" size="1em" />Duplicate</a>
    ${run.files.report && html`<a class="button" href=${fileUrl(run.files.report)} target="_blank" rel="noreferrer">Report</a>`}
    ${!run.training && html`<button class="danger" onClick=${trash}><${Icon} name="trash" size="1em" />Delete</button>`}
    ${more && html`<form class="row" onSubmit=${(e) => (e.preventDefault(), resume({ steps: Number(steps) }))}>
      <label for="steps">until step</label><input id="steps" inputmode="numeric" style=${{ width: "120px" }} placeholder=${String((run.steps ?? run.step) * 2)} value=${steps} onInput=${(e) => setSteps(e.target.value)} />
      <button class="primary" disabled=${!(Number(steps) > run.step)}>Go on</button></form>`}
  </div>`;
}

function Log({ job }) {
  const { data } = useRequest(() => api.job(job.id), [job.id, job.state, Math.floor(20 * (job.progress ?? 0))]);
  return html`<details><summary>Log</summary><pre class="log">${data?.log || "nothing was said yet"}</pre></details>`;
}

export function Run({ parts }) {
  const name = parts[1];
  const changed = useShared((s) => s.changes[name] ?? 0);
  const job = useShared((s) => s.jobs.find((one) => one.run === `runs/${name}`)) ?? null;
  const { data: run, error } = useRequest(() => api.run(name), [name, changed, job?.state]);
  if (!run?.method) {
    if (job && job.state !== "done") {
      return html`<h1>${name}</h1><div class="card job"><div class="row"><b class="grow">${job.state}</b><${JobButtons} job=${job} /></div>
        <${Progress} value=${job.progress} label="Training" /><p class=${job.error ? "error" : "muted"} role="status">${job.error ?? (job.position ? `number ${job.position} in the queue` : job.message)}</p></div><${Log} job=${job} />`;
    }
    return html`<h1>${name}</h1><p class=${error ? "error" : "muted"}>${error?.message ?? "Loading …"}</p>`;
  }
  const live = job && isActive(job);
  const share = live ? job.progress : run.steps ? run.step / run.steps : null;
  const options = Object.entries(run.options).filter(([, value]) => value != null && value !== "");
  return html`
    <div class="top"><div><h1>${name}</h1><p class="muted">${run.method} on ${run.data}, ${run.image_size.join("×")}, ${integer(run.images)} images</p></div><${Actions} run=${run} job=${job} /></div>
    ${job?.error && html`<p class="note warning" role="alert">${job.error}</p>`}
    ${!run.finished && html`<div class="job"><${Progress} value=${share} label="Training" />
      <p class="small muted" role="status">${percent(share)}${live && job.seconds_left != null ? `, ${duration(job.seconds_left)} left` : ""} · step ${integer(run.step)}${run.steps ? ` of ${integer(run.steps)}` : ""}${live ? ` · ${job.state}` : run.training ? " · training in a terminal" : " · not training"}</p></div>`}
    ${run.warnings.map((one) => html`<p class="note warning" role="alert"><${Icon} name="warning" size="1.1em" /> ${one}</p>`)}
    <div class="split">
      <${Sheets} sheets=${run.sheets} name=${name} />
      <div class="card"><h2>Figures</h2><div class="facts">
        <div><span>step</span><b>${integer(run.step)}</b></div><div><span>training time</span><b>${duration(run.seconds)}</b></div>
        <div><span>images per second</span><b>${run.speed ? integer(Math.round(run.speed)) : "–"}</b></div>
        ${Object.entries(run.figures).map(([key, value]) => html`<div><span>${key}</span><b>${figure(value)}</b></div>`)}
      </div></div>
    </div>
    <${Curves} panels=${run.curves} />
    ${job && html`<${Log} job=${job} />`}
    <details><summary>Options (${options.length})</summary><div class="scroll"><table><tbody>${options.map(([key, value]) => html`<tr><th scope="row">${label(key)}</th><td>${shown(value)}</td></tr>`)}</tbody></table></div></details>`;
}
