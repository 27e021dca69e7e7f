// Home: what trains, what was trained, what waits, and where to begin.

import { api } from "../api.js";
import { classes, html, useEffect, useRef, useState } from "../dom.js";
import { Icon } from "../icons.js";
import { JobActions, JobRow, isActive, isOver } from "../jobs.js";
import { Button, Figures, LinkButton, Notice, Picture, Progress, SearchField } from "../parts.js";
import { link } from "../router.js";
import { complain, loadRuns, toast, useShared } from "../state.js";
import { ago, baseName, bytes, count, duration, integer, percent, sentence } from "../text.js";

export function Home() {
  const app = useShared((s) => s.app);
  const runs = useShared((s) => s.runs);
  const total = useShared((s) => s.runsTotal);
  const search = useShared((s) => s.runsSearch);
  const problem = useShared((s) => s.runsError);
  useEffect(() => void loadRuns(), []);
  const none = runs && !runs.length && !search;
  return html`
    <div class="page-head">
      <div class="grow"><h1>${none ? "Welcome to the studio" : "Home"}</h1>${none && html`<p>Train a model on your own images, watch it learn, and use it. Everything stays on this computer.</p>`}</div>
      ${!none && html`<${LinkButton} kind="primary" icon="new" href=${link(["new"])}>New training</${LinkButton}>`}
    </div>
    ${problem && html`<${Notice} kind="bad">${problem}</${Notice}>`}
    <div class="home">
      <div class="stack" style=${{ gap: "32px" }}>
        ${none && html`<${Welcome} />`}
        ${!none &&
        html`<section class="section" aria-labelledby="runs">
          <div class="section-head"><h2 id="runs">Runs ${total > 0 && html`<span class="muted number">${integer(total)}</span>`}</h2>
            ${(total > 8 || search) && html`<div style=${{ width: "min(260px, 100%)" }}><${SearchField} label="Search runs" value=${search} onInput=${(event) => loadRuns({ search: event.target.value })} /></div>`}
          </div>
          ${runs == null ? html`<p class="muted">Loading …</p>` : html`<div class="run-cards">${runs.map((run) => html`<${RunCard} key=${run.name} run=${run} />`)}</div>`}
          ${runs && !runs.length && search && html`<p class="muted">No run has “${search}” in its name.</p>`}
          ${runs && runs.length < total && html`<${More} shown=${runs.length} total=${total} />`}
        </section>`}
        <${Examples} experiments=${app.experiments} />
      </div>
      <div class="stack home-side">
        <${Queue} />
        <${Shipped} models=${app.shipped} />
        <${Disk} app=${app} />
      </div>
    </div>`;
}

function Welcome() {
  const cards = [
    ["new", "Train on your images", "Drop a folder or a zip; the studio proposes a method and says how long it takes.", link(["new"]), "New training"],
    ["data", "Begin with digits", "A GAN of handwritten digits by class: a few minutes, nothing to download.", link(["new"], { data: "digits", method: "cgan", preset: "digits" }), "Set it up"],
    ["use", "Use what comes with it", "Sample digits from a diffusion model, or upscale photographs four times, now.", link(["use", "upscale"]), "Upscale a photograph"],
  ];
  return html`<div class="welcome">${cards.map(
    ([icon, title, text, href, action], n) => html`<div class="panel" key=${title}>
      <${Icon} name=${icon} size="26px" /><div class="stack tight"><h2>${title}</h2><p class="muted">${text}</p></div>
      <div class="row"><${LinkButton} kind=${n ? undefined : "primary"} href=${href}>${action}</${LinkButton}></div></div>`,
  )}</div>`;
}

/** Loads the next part of the list when its button comes into view. */
function More({ shown, total }) {
  const button = useRef();
  useEffect(() => {
    const watch = new IntersectionObserver((entries) => entries.some((one) => one.isIntersecting) && loadRuns({ more: true }), { rootMargin: "400px" });
    watch.observe(button.current);
    return () => watch.disconnect();
  }, [shown]);
  return html`<div class="row" ref=${button}><${Button} onClick=${() => loadRuns({ more: true })}>Show more</${Button}><span class="small muted number">${integer(shown)} of ${integer(total)}</span></div>`;
}

export function RunChip({ run, job }) {
  if (job?.state === "queued") return html`<span class="chip">queued</span>`;
  if (job?.state === "stopping") return html`<span class="chip warn">stopping</span>`;
  if (run.training || job?.state === "running") return html`<span class="chip live">training</span>`;
  if (run.finished) return html`<span class="chip done">finished</span>`;
  return html`<span class="chip warn">stopped</span>`;
}

function RunCard({ run }) {
  const job = useShared((s) => s.jobs.find((one) => one.run === run.path && !isOver(one)));
  const progress = Math.max(run.steps ? run.step / run.steps : 0, job?.progress ?? 0);
  const live = run.training || job;
  return html`<article class="card run-card">
    <div class="frame-image">
      ${run.sheet ? html`<${Picture} path=${run.sheet} thumb="512" cover alt=${`Newest samples of ${run.name}`} />` : html`<span class="missing">The first samples come while it trains</span>`}
      <${RunChip} run=${run} job=${job} />
    </div>
    <div class="body">
      <div class="stack tight">
        <h3><a href=${link(["run", run.name])}>${run.name}</a></h3>
        <p class="small muted wrap">${run.method}${run.preset ? ` · ${run.preset}` : ""} · ${baseName(run.data ?? "")}</p>
      </div>
      ${!run.finished && html`<${Progress} value=${progress} label=${`Training of ${run.name}`} thin />`}
      <p class="small muted number">
        ${live && job?.seconds_left != null
          ? `${percent(progress)}, ${duration(job.seconds_left)} left`
          : `${integer(run.step)}${run.finished || !run.steps ? " steps" : ` of ${integer(run.steps)} steps`} · ${ago(run.changed)}`}
      </p>
      <${Figures} figures=${run.figures} most=${3} />
    </div>
  </article>`;
}

function Queue() {
  const jobs = useShared((s) => s.jobs);
  const [all, setAll] = useState(false);
  const active = jobs.filter(isActive);
  const queued = jobs.filter((job) => job.state === "queued").sort((a, b) => a.position - b.position);
  const over = jobs.filter(isOver);
  const move = (at, by) => {
    const ids = queued.map((job) => job.id);
    [ids[at], ids[at + by]] = [ids[at + by], ids[at]];
    api.order(ids).catch(complain);
  };
  const left = [...active, ...queued].reduce((sum, job) => (sum == null || job.seconds_left == null ? null : sum + job.seconds_left), 0);
  return html`<section class=${classes("section", active.length + queued.length > 0 && "queue-section")} aria-labelledby="queue">
    <div class="section-head"><h2 id="queue">Queue</h2>${left > 0 && html`<span class="small muted number">${duration(left)} left</span>`}</div>
    ${active.length + queued.length === 0
      ? html`<p class="card pad muted small">Nothing is running.</p>`
      : html`<ul class="card queue">
          ${active.map((job) => html`<${JobRow} key=${job.id} job=${job} />`)}
          ${queued.map(
            (job, at) => html`<${JobRow} key=${job.id} job=${job}>
              <${Button} icon="up" size="small" kind="quiet" aria-label="Earlier" title="Earlier" disabled=${at === 0} onClick=${() => move(at, -1)} />
              <${Button} icon="down" size="small" kind="quiet" aria-label="Later" title="Later" disabled=${at === queued.length - 1} onClick=${() => move(at, 1)} />
            </${JobRow}>`,
          )}
        </ul>`}
    ${over.length > 0 &&
    html`<details open=${all} onToggle=${(event) => setAll(event.target.open)}><summary class="small">Earlier <span class="muted">(${over.length})</span></summary>
      ${all && html`<ul class="card queue" style=${{ marginTop: "8px" }}>${over.slice(0, 40).map((job) => html`<${JobRow} key=${job.id} job=${job} />`)}</ul>`}</details>`}
  </section>`;
}

const USE_OF = { sample: ["Sample", "sample"], upscale: ["Upscale", "upscale"], translate: ["Translate", "translate"] };

function Shipped({ models }) {
  if (!models.length) return null;
  return html`<section class="section" aria-labelledby="shipped"><div class="section-head"><h2 id="shipped">Models that come with reverie</h2></div>
    <ul class="card">${models.map((model) => {
      const [action, page] = USE_OF[model.capabilities[0]] ?? ["Use", "sample"];
      const about = model.about ?? [model.method, model.task].filter(Boolean).join(", ");
      return html`<li class="listed" key=${model.name}><div><h3>${model.name}</h3><p>${sentence(about)}</p></div><${LinkButton} size="small" href=${link(["use", page], { model: model.name })}>${action}</${LinkButton}></li>`;
    })}</ul></section>`;
}

function Examples({ experiments }) {
  const jobs = useShared((s) => s.jobs);
  const [open, setOpen] = useState(false);
  const shown = open ? experiments : experiments.slice(0, 6);
  const start = (name) => api.start("reproduce", { name, out: `outputs/${name}` }).then(() => toast(`“${name}” is in the queue.`, { action: "Show", onAction: () => (location.hash = link(["home"])) }), complain);
  return html`<section class="section" aria-labelledby="examples">
    <div class="section-head"><h2 id="examples">Start from an example</h2><span class="small muted">Each fetches its data, trains, draws and measures.</span></div>
    <ul class="card">${shown.map((one) => {
      const job = jobs.find((other) => other.verb === "reproduce" && other.options.name === one.name && !isOver(other));
      return html`<li class="listed" key=${one.name}>
        <div><h3>${one.name} <span class="muted small number">about ${Math.max(1, Math.round(one.minutes))} min</span></h3><p>${sentence(one.about)}</p>
          ${job && isActive(job) && html`<${Progress} value=${job.progress} label=${one.name} thin />`}</div>
        ${job ? html`<div class="row"><a class="small" href=${link(["job", job.id])}>${job.state}</a><${JobActions} job=${job} /></div>` : html`<${Button} size="small" onClick=${() => start(one.name)}>Start</${Button}>`}
      </li>`;
    })}</ul>
    ${experiments.length > 6 && html`<div class="row"><${Button} size="small" kind="quiet" aria-expanded=${String(open)} onClick=${() => setOpen(!open)}>${open ? "Fewer" : `All ${count(experiments.length, "example")}`}</${Button}></div>`}
  </section>`;
}

function Disk({ app }) {
  if (!app.disk) return null;
  const { used, free } = app.disk;
  return html`<section class="section"><div class="section-head"><h2>Disk</h2></div>
    <div class="card pad stack close">
      ${used != null && html`<${Progress} value=${used / (used + free)} label="Share of the disk" />`}
      <p class="small number">${used != null ? html`<strong>${bytes(used)}</strong> in this home, ` : ""}<strong>${bytes(free)}</strong> free</p>
      <p class="small muted mono wrap">${app.home}</p>
      ${free < 2e9 && html`<${Notice} kind="warn">Less than ${bytes(2e9)} are free; a training may not be able to save.</${Notice}>`}
    </div></section>`;
}
