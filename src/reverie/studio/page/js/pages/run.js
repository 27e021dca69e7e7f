// One run, live: samples as a film, curves, warnings, log, options, and what can be done with it.

import { api, fileUrl } from "../api.js";
import { Curves } from "../curves.js";
import { html, useEffect, useMemo, useRef, useState } from "../dom.js";
import { SheetFilm } from "../film.js";
import { JobActions, JobProgress, StateChip, isActive, isOver, useOwnJob } from "../jobs.js";
import { Answer, Button, Empty, Figures, LinkButton, Notice, Progress, Segmented, SelectField, Spoken, TextField } from "../parts.js";
import { go, link } from "../router.js";
import { Result } from "../result.js";
import { complain, toast, useRequest, useShared } from "../state.js";
import { ago, baseName, duration, figure, integer, label, percent, shown } from "../text.js";
import { Log } from "./job.js";
import { RunChip } from "./home.js";

const LEAST_SECONDS = 2.5;

/** A run's details, asked again when the server says that it changed, at most every few seconds. */
function useRun(name) {
  const turn = useShared((s) => s.changes[name] ?? 0);
  const [asked, setAsked] = useState(turn);
  const last = useRef(0);
  useEffect(() => {
    if (turn === asked) return;
    const wait = Math.max(0, LEAST_SECONDS * 1000 - (Date.now() - last.current));
    const timer = setTimeout(() => {
      last.current = Date.now();
      setAsked(turn);
    }, wait);
    return () => clearTimeout(timer);
  }, [turn, asked]);
  const begun = useRef(false);
  return useRequest(async () => {
    // a run that waits in the queue is not there yet: the list says so without a failed request
    if (!begun.current) begun.current = (await api.runs(0, 500, name)).runs.some((run) => run.name === name);
    return begun.current ? api.run(name) : null;
  }, [name, asked]);
}

export function RunPage({ args }) {
  const [name] = args;
  const answer = useRun(name);
  const job = useShared((s) => s.jobs.find((one) => one.run === `runs/${name}` && !isOver(one)) ?? s.jobs.find((one) => one.run === `runs/${name}`) ?? null);
  if (!answer.data && !answer.loading && (!answer.error || answer.error.status === 404)) return job && !(job.state === "done") ? html`<${Waiting} name=${name} job=${job} />` : html`<${Gone} name=${name} />`;
  return html`<${Answer} of=${answer}>${(run) => html`<${Run} run=${run} job=${job} gone=${answer.error?.status === 404} />`}</${Answer}>`;
}

const Gone = ({ name }) => html`<${Empty} icon="search" title="This run is gone" level=${1}><p>There is no folder runs/${name} any more.</p><${LinkButton} href=${link(["home"])}>Home</${LinkButton}></${Empty}>`;

/** A training that has not begun to write: queued, starting, or failed at once. */
function Waiting({ name, job }) {
  return html`
    <div class="page-head"><div class="grow"><h1>${name}</h1><div class="row"><${StateChip} state=${job.state} /></div></div></div>
    ${isOver(job) ? html`<${Notice} kind="bad"><div class="stack tight"><span>${job.error ?? job.message ?? "This training ended before it began."}</span><a href=${link(["job", job.id])}>Show the log</a></div></${Notice}>` : html`<div class="panel"><${JobProgress} job=${job} /></div>`}
    ${!isOver(job) && html`<${Empty} icon="use" title=${job.state === "queued" ? "Waits in the queue" : "Reads the images and builds the networks"}><p>Curves and samples appear here by themselves. You can close the page; the training does not depend on it.</p></${Empty}>`}`;
}

function Run({ run, job, gone }) {
  const active = job && !isOver(job);
  const evaluation = useOwnJob(`evaluate-${run.name}`);
  return html`
    ${gone && html`<${Notice} kind="warn">The folder of this run is gone; what you see was read before.</${Notice}>`}
    <${Head} run=${run} job=${job} active=${active} gone=${gone} evaluation=${evaluation} />
    ${run.warnings.map((warning, n) => html`<${Notice} key=${n} kind="warn">${typeof warning === "string" ? warning : shown(warning.text ?? warning.message ?? warning)}</${Notice}>`)}
    ${job && isOver(job) && job.state !== "done" && !run.finished && html`<${Notice} kind=${job.state === "failed" ? "bad" : "warn"}><div class="row"><span class="grow">${job.state === "failed" ? (job.error ?? job.message ?? "The training failed.") : "The training was interrupted; nothing is lost up to its last checkpoint."} <a href=${link(["job", job.id])}>Log</a></span><${JobActions} job=${job} /></div></${Notice}>`}
    ${evaluation.job && html`<${Evaluation} evaluation=${evaluation} />`}
    ${evaluation.error && html`<${Notice} kind="bad">${evaluation.error.message}</${Notice}>`}
    <div class="run-grid">
      <${Samples} run=${run} />
      <${CurvesPanel} run=${run} />
      <div class="stack"><${OptionsPanel} run=${run} /><${LogPanel} job=${job} /></div>
    </div>`;
}

function Head({ run, job, active, gone, evaluation }) {
  const [asking, setAsking] = useState(null);
  const progress = run.steps ? run.step / run.steps : (job?.progress ?? null);
  const running = active && isActive(job);
  const shownProgress = running ? Math.max(progress ?? 0, job.progress ?? 0) : progress;
  const model = run.files.model ?? run.files.models?.[0];
  const trash = async () => {
    try {
      const { undo } = await api.trash(run.name);
      go(["home"]);
      toast(`“${run.name}” is in the trash.`, { action: "Undo", seconds: 30, onAction: () => api.restore(undo).then(() => go(["run", run.name]), complain) });
    } catch (error) {
      complain(error);
    }
  };
  const resume = () => api.start("train", { method: run.method, out: run.path, resume: true }).then(() => toast("The training goes on."), complain);
  const use = ["sample", "translate", "upscale"].find((one) => run.capabilities.includes(one)) ?? (run.capabilities.includes("encode") ? "latents" : null);
  const speed = run.speed ?? null;
  return html`<div class="live-head">
    <div class="page-head">
      <div class="grow">
        <div class="row"><h1>${run.name}</h1><${RunChip} run=${run} job=${active ? job : null} /></div>
        <p>${run.method}${run.preset ? ` · ${run.preset}` : ""} · ${baseName(run.data ?? "")}${run.image_size ? ` · ${run.image_size.join("×")}` : ""}${run.images ? ` · ${integer(run.images)} images` : ""} · ${ago(run.changed)}</p>
      </div>
      ${!gone && html`<div class="row">
        ${active && html`<${JobActions} job=${job} size="" />`}
        ${!active && !run.training && !run.finished && (!job || job.state === "done") && html`<${Button} kind="primary" icon="play" onClick=${resume}>Resume</${Button}>`}
        ${!active && !run.training && html`<${Button} icon="new" onClick=${() => setAsking("more")}>More steps</${Button}>`}
        ${use && model && html`<${LinkButton} icon="use" href=${link(["use", use], { model: run.path })}>Use</${LinkButton}>`}
        ${model && html`<${Button} onClick=${() => setAsking("evaluate")}>Evaluate</${Button}>`}
        <${LinkButton} icon="copy" href=${link(["new"], { from: run.name })}>Duplicate with changes</${LinkButton}>
        ${!active && !run.training && html`<${Button} icon="trash" kind="danger" aria-label=${`Delete ${run.name} (can be undone)`} title="Delete (can be undone)" onClick=${trash} />`}
      </div>`}
    </div>
    ${(active || run.training || !run.finished) && html`<${Progress} value=${shownProgress} label=${`Training of ${run.name}`} />`}
    ${running && html`<${Spoken} label=${`Training of ${run.name}`} value=${shownProgress} seconds=${job.seconds_left} />`}
    <div class="row wide">
      <span class="number"><strong>${integer(run.step)}</strong>${run.steps ? ` of ${integer(run.steps)} steps` : " steps"}${shownProgress != null && !run.finished ? ` · ${percent(shownProgress)}` : ""}${running && job.seconds_left != null ? ` · ${duration(job.seconds_left)} left` : ""}${run.minutes ? ` · ${duration(60 * run.minutes)} trained` : ""}${speed && (running || run.training) ? ` · ${figure(speed)} images/s` : ""}</span>
      ${run.training && !active && html`<span class="small muted">Started in a terminal: stop it there with Ctrl-C.</span>`}
    </div>
    <${Figures} figures=${run.figures} most=${8} large />
    ${asking === "more" && html`<${MoreSteps} run=${run} onClose=${() => setAsking(null)} />`}
    ${asking === "evaluate" && html`<${AskEvaluate} run=${run} evaluation=${evaluation} onClose=${() => setAsking(null)} />`}
  </div>`;
}

function MoreSteps({ run, onClose }) {
  const [steps, setSteps] = useState(String(Math.round(1.5 * (run.steps ?? run.step)) || 1000));
  const [error, setError] = useState(null);
  const start = async () => {
    const total = Number(steps);
    if (total <= run.step) return setError(`It has ${integer(run.step)} steps already: give more.`);
    try {
      await api.start("train", { method: run.method, out: run.path, resume: true, steps: Number.isFinite(total) && steps.trim() ? total : steps });
      onClose();
    } catch (failure) {
      setError(failure.message);
    }
  };
  return html`<form class="panel" onSubmit=${(event) => { event.preventDefault(); start(); }}>
    <h2>Continue with more steps</h2>
    <div class="fields"><${TextField} label="Steps in all" inputmode="numeric" value=${steps} error=${error} help=${`It has ${integer(run.step)} now, and goes on from there.`} onInput=${(event) => { setSteps(event.target.value); setError(null); }} /></div>
    <div class="row"><button class="button primary" type="submit">Continue</button><${Button} kind="quiet" onClick=${onClose}>Cancel</${Button}></div>
  </form>`;
}

function AskEvaluate({ run, evaluation, onClose }) {
  const [data, setData] = useState(run.data ?? "");
  const start = async () => {
    if (await evaluation.start("evaluate", { model: run.path, data })) onClose();
  };
  return html`<form class="panel" onSubmit=${(event) => { event.preventDefault(); start(); }}>
    <h2>Evaluate</h2>
    <div class="fields"><${TextField} label="Reference images" value=${data} help="A folder, a table or a dataset by name: distances, precision and recall against its test images." onInput=${(event) => setData(event.target.value)} error=${evaluation.error?.message} /></div>
    <div class="row"><button class="button primary" type="submit">Evaluate</button><${Button} kind="quiet" onClick=${onClose}>Cancel</${Button}></div>
  </form>`;
}

function Evaluation({ evaluation }) {
  const { job, forget } = evaluation;
  if (job.state !== "done") return html`<div class="panel"><div class="section-head"><h2>Evaluation</h2>${isOver(job) && html`<${Button} icon="close" kind="quiet" size="small" aria-label="Close the evaluation" onClick=${forget} />`}</div><${JobProgress} job=${job} /></div>`;
  return html`<div class="panel"><div class="section-head"><h2>Evaluation</h2><span class="small muted">${ago(job.ended)}</span><${Button} icon="close" kind="quiet" size="small" aria-label="Close the evaluation" onClick=${forget} /></div><${Result} result=${job.result} /></div>`;
}

function Samples({ run }) {
  const kinds = [...new Set(run.sheets.map((sheet) => sheet.kind))];
  const [chosen, setChosen] = useState(null);
  const kind = kinds.includes(chosen) ? chosen : kinds.includes("samples") ? "samples" : kinds[0];
  const sheets = useMemo(() => run.sheets.filter((sheet) => sheet.kind === kind).sort((a, b) => a.step - b.step), [run.sheets, kind]);
  return html`<section class="panel" aria-labelledby="samples">
    <div class="section-head"><h2 id="samples">Samples</h2>${kinds.length > 1 && html`<${Segmented} label="Kind of sheet" value=${kind} onChange=${setChosen} options=${kinds.map((one) => [one, label(one)])} />`}</div>
    ${sheets.length ? html`<${SheetFilm} sheets=${sheets} name=${run.name} />` : html`<${Empty} icon="use" title="No samples yet"><p>The first sheet comes at step 0 or after the first ${shown(run.options.sample_every)} steps.</p></${Empty}>`}
    <p class="small muted">The same seeds in every sheet.</p>
  </section>`;
}

function CurvesPanel({ run }) {
  const [others, setOthers] = useState([]);
  const list = useRequest(() => api.runs(0, 100), []);
  const overlay = useRequest(() => Promise.all(others.map((name) => api.run(name))), [others.join("\n")]);
  const runs = useMemo(() => [run, ...(overlay.data ?? [])].map(({ name, curves }) => ({ name, curves })), [run.curves, overlay.data]);
  const choices = (list.data?.runs ?? []).filter((one) => one.name !== run.name && !others.includes(one.name));
  const extra = html`<div style=${{ width: "190px", maxWidth: "100%" }}><${SelectField} label="Beside it" value="" options=${[["", "add a run …"], ...choices.map((one) => [one.name, one.name])]} onChange=${(name) => name && setOthers([...others, name])} /></div>`;
  return html`<section class="panel" aria-labelledby="curves">
    <div class="section-head"><h2 id="curves">Curves</h2>${others.map((name) => html`<${Button} key=${name} size="small" icon="close" aria-label=${`Take ${name} out of the plots`} onClick=${() => setOthers(others.filter((one) => one !== name))}>${name}</${Button}>`)}</div>
    <${Curves} runs=${runs} extra=${extra} />
  </section>`;
}

function OptionsPanel({ run }) {
  const entries = Object.entries(run.options).filter(([, value]) => value != null);
  const report = run.files.report;
  return html`<section class="panel" aria-labelledby="run-options">
    <div class="section-head"><h2 id="run-options">Options</h2>${report && html`<a class="button small" href=${fileUrl(report)} target="_blank" rel="noopener">Report</a>`}</div>
    <details open=${entries.length < 14}><summary class="small">${entries.length} options</summary><dl class="facts" style=${{ paddingTop: "8px" }}>${entries.map(([name, value]) => html`<dt key=${`${name}-name`}>${label(name)}</dt><dd key=${name}>${shown(value)}</dd>`)}</dl></details>
    <p class="small muted mono wrap">${run.path}</p>
  </section>`;
}

function LogPanel({ job }) {
  const [open, setOpen] = useState(false);
  const answer = useRequest(() => (open && job ? api.job(job.id) : Promise.resolve(null)), [open, job?.id, job?.state, open ? Math.floor(40 * (job?.progress ?? 0)) : 0]);
  return html`<section class="panel">
    ${job ? html`<details open=${open} onToggle=${(event) => setOpen(event.target.open)}><summary>Log</summary>${open && html`<div style=${{ paddingTop: "10px" }}>${answer.error ? html`<${Notice} kind="bad">${answer.error.message}</${Notice}>` : html`<${Log} text=${answer.data?.log} />`}</div>`}</details>` : html`<p class="muted small">Trained outside the studio: its log is in the terminal, and in log.jsonl in the folder.</p>`}
  </section>`;
}
