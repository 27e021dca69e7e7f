// Home: runs as cards, the queue, shipped models, and examples to start from.

import { api, fileUrl } from "../api.js";
import { html, useEffect, useState } from "../dom.js";
import { Icon } from "../icons.js";
import { isActive, JobRow, Progress } from "../job.js";
import { link } from "../router.js";
import { complain, loadRuns, toast, useShared } from "../state.js";
import { ago, count, figure, integer, percent } from "../text.js";

function RunCard({ run, job }) {
  const share = run.finished ? null : run.steps ? run.step / run.steps : null;
  const [name, value] = Object.entries(run.figures)[0] ?? [];
  return html`<a class="card run" href=${link(["run", run.name])}>
    <div class="sheet">${run.sheet
      ? html`<img loading="lazy" class="pixel" alt=${`Newest samples of ${run.name}`} src=${fileUrl(run.sheet, { thumb: 512, version: run.step })} />`
      : "no samples yet"}</div>
    <div class="text">
      <div class="row"><b class="grow">${run.name}</b>${run.training && html`<span class="tag live">training</span>`}</div>
      <div class="small muted">${run.method} on ${run.data ?? "?"} · ${ago(run.changed)}</div>
      ${share != null && html`<${Progress} value=${job?.progress ?? share} label="Training" />`}
      <div class="small muted">${share != null ? `${percent(job?.progress ?? share)}, step ` : "step "}${integer(run.step)}${name && ` · ${name.split("[")[0]} ${figure(value)}`}</div>
    </div>
  </a>`;
}

function Queue({ jobs }) {
  const active = jobs.filter(isActive);
  const queued = jobs.filter((job) => job.state === "queued").sort((a, b) => a.position - b.position);
  const over = jobs.filter((job) => !isActive(job) && job.state !== "queued").slice(0, 4);
  const up = (place) => {
    const ids = queued.map((job) => job.id);
    [ids[place - 1], ids[place]] = [ids[place], ids[place - 1]];
    api.order(ids).catch(complain);
  };
  if (!jobs.length) return null;
  return html`<section aria-label="Jobs"><h2>Jobs</h2><div class="jobs">
    ${[...active, ...queued, ...over].map(
      (job) => html`<${JobRow} key=${job.id} job=${job} onUp=${job.state === "queued" && (() => up(queued.indexOf(job)))} />`,
    )}
  </div></section>`;
}

function Examples({ experiments }) {
  const start = (name) =>
    api.start("reproduce", { name, out: `reproduced/${name}` }).then(() => toast(`${name} is in the queue.`)).catch(complain);
  return html`<section><h2>Start from an example</h2><div class="cards">
    ${experiments.map(
      (one) => html`<div class="card job" key=${one.name}><b>${one.name}</b><p class="small muted">${one.about}</p>
        <div class="row"><span class="small muted grow">about ${Math.round(one.minutes)} min on two cores</span>
        <button onClick=${() => start(one.name)}><${Icon} name="play" size="1em" />Start</button></div></div>`,
    )}
  </div></section>`;
}

export function Home({ app }) {
  const runs = useShared((s) => s.runs);
  const total = useShared((s) => s.runsTotal);
  const jobs = useShared((s) => s.jobs);
  const problem = useShared((s) => s.runsError);
  const [search, setSearch] = useState("");
  useEffect(() => void loadRuns({ search }), [search]);
  const jobOf = (run) => jobs.find((job) => job.run === run.path && isActive(job));
  return html`
    <div class="top"><h1>Home</h1><a class="button primary" href=${link(["new"])}><${Icon} name="new" size="1.1em" />New training</a></div>
    <${Queue} jobs=${jobs} />
    <section aria-label="Runs">
      <div class="top"><h2>${count(total, "run")}</h2>
        ${(total > 6 || search) && html`<div><label class="hidden" for="search">Search runs</label><input id="search" type="search" placeholder="Search" value=${search} onInput=${(e) => setSearch(e.target.value)} /></div>`}
      </div>
      ${problem && html`<p class="error">${problem}</p>`}
      ${runs?.length
        ? html`<div class="cards">${runs.map((run) => html`<${RunCard} key=${run.name} run=${run} job=${jobOf(run)} />`)}</div>`
        : runs && html`<div class="empty"><p>${search ? "No run matches." : "Nothing is trained yet. Handwritten digits take about three minutes."}</p>
            ${!search && html`<a class="button primary" href=${link(["new"])}>Train the first model</a>`}</div>`}
      ${runs && runs.length < total && html`<p><button onClick=${() => loadRuns({ more: true })}>Show more</button></p>`}
    </section>
    <section><h2>Models that come with reverie</h2><div class="cards">
      ${app.shipped.map((one) => html`<a class="card job" key=${one.name} href=${link(["use", one.task === "upscale" ? "upscale" : "sample"], { model: one.name })} style=${{ textDecoration: "none", color: "inherit" }}>
        <b>${one.name}</b><span class="small muted">${one.method}: ${one.task === "upscale" ? "upscales photographs" : "samples images from noise"}</span></a>`)}
    </div></section>
    <${Examples} experiments=${app.experiments} />`;
}
