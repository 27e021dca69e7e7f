// Jobs as the pages show them: state, progress with time left, stop, resume, remove.

import { api } from "./api.js";
import { classes, html, useEffect, useState } from "./dom.js";
import { Button, Notice, Progress, Question, Spoken } from "./parts.js";
import { link } from "./router.js";
import { adoptJob, complain, useJob, useShared } from "./state.js";
import { ago, baseName, capital, duration, percent } from "./text.js";

export const isOver = (job) => ["done", "failed", "interrupted"].includes(job.state);
export const isActive = (job) => ["running", "stopping"].includes(job.state);

const KINDS = { running: "live", stopping: "warn", done: "done", failed: "bad", interrupted: "warn", queued: null };
export const StateChip = ({ state }) => html`<span class=${classes("chip", KINDS[state])}>${state}</span>`;

const TITLES = {
  train: (o) => `Train ${o.out ? baseName(o.out) : o.method}`,
  reproduce: (o) => `Example ${o.name ?? ""}`,
  "data get": (o) => `Fetch ${o.name ?? "a dataset"}`,
  "data check": (o) => `Check ${o.data ?? "images"}`,
  estimate: (o) => `Estimate ${o.method ?? ""}`,
  evaluate: (o) => `Evaluate ${baseName(o.model ?? "")}`,
  sweep: (o) => `Sweep ${o.out ? baseName(o.out) : ""}`,
};

export function jobTitle(job) {
  const options = job.options ?? {};
  const title = TITLES[job.verb]?.(options) ?? `${capital(job.verb)}${options.model ? ` with ${baseName(options.model)}` : ""}`;
  return options.resume ? title.replace("Train", "Continue") : title;
}

export const jobLink = (job) => (job.run ? link(["run", baseName(job.run)]) : link(["job", job.id]));

/** "42 %, 3 min left" */
export function progressWords(job) {
  if (job.state === "queued") return job.position == null ? "waiting" : job.position <= 1 ? "next" : `number ${job.position} in the queue`;
  const parts = [job.progress == null ? "0 %, measuring" : percent(job.progress)];
  if (job.seconds_left != null && job.state === "running") parts.push(`${duration(job.seconds_left)} left`);
  return parts.join(", ");
}

export function JobActions({ job, size = "small" }) {
  const [asking, setAsking] = useState(false);
  const act = (action) => action(job.id).then((answer) => answer?.id && adoptJob(answer)).catch(complain);
  if (job.state === "running" || job.state === "queued")
    return html`<${Button} icon=${job.state === "queued" ? "close" : "stop"} size=${size} onClick=${() => act(api.stop)}>${job.state === "queued" ? "Remove" : "Stop"}</${Button}>`;
  if (job.state === "stopping")
    return html`<${Button} icon="stop" size=${size} kind="danger" onClick=${() => setAsking(true)}>End now</${Button}>
      ${asking && html`<${Question} title="End this work at once?" confirm="End now" danger onClose=${(yes) => { setAsking(false); if (yes) act(api.stop); }}>It is finishing its step and saving. Ended now, what was done since the last checkpoint is lost.</${Question}>`}`;
  return html`
    ${job.state !== "done" && html`<${Button} icon="play" size=${size} onClick=${() => act(api.resume)}>Resume</${Button}>`}
    <${Button} icon="close" size=${size} kind="quiet" aria-label=${`Remove “${jobTitle(job)}” from the list`} title="Remove from the list; files stay" onClick=${() => act(api.remove)} />`;
}

export function JobRow({ job, children }) {
  return html`<li class="job">
    <div class="job-head">
      <div class="grow"><a class="wrap" href=${jobLink(job)}>${jobTitle(job)}</a></div>
      ${!isActive(job) && job.state !== "queued" && html`<${StateChip} state=${job.state} />`}
    </div>
    ${isActive(job) && html`<${Progress} value=${job.progress} label=${jobTitle(job)} />`}
    <div class="row">
      <span class="grow small muted number">${isOver(job) ? `${job.state === "done" ? "" : `${job.error ?? job.message ?? ""} `}${ago(job.ended)}` : job.state === "stopping" ? "finishing its step and saving" : progressWords(job)}</span>
      ${children}<${JobActions} job=${job} />
    </div>
  </li>`;
}

/** Progress of one job inside a page, with stop; a sentence when it failed. Nothing once it is done. */
export function JobProgress({ id, job: given }) {
  const found = useJob(id);
  const job = given ?? found;
  const ahead = useShared((s) => s.jobs.find((other) => isActive(other) && other.id !== job?.id && other.trains === job?.trains));
  if (!job || job.state === "done") return null;
  if (job.state === "failed")
    return html`<${Notice} kind="bad"><div class="stack tight"><span>${job.error ?? job.message ?? "This failed."}</span><a href=${link(["job", job.id])}>Show the log</a></div></${Notice}>`;
  if (job.state === "interrupted")
    return html`<${Notice} kind="warn"><div class="row"><span class="grow">Interrupted. ${job.message}</span><${JobActions} job=${job} /></div></${Notice}>`;
  return html`<div class="stack tight">
    <${Progress} value=${job.progress} label=${jobTitle(job)} />
    <${Spoken} label=${jobTitle(job)} value=${job.progress} seconds=${job.seconds_left} />
    <div class="row"><span class="grow small muted number">${progressWords(job)}${job.state === "queued" && ahead ? `, waits for: ${jobTitle(ahead)}` : job.message ? ` · ${job.message}` : ""}</span><${JobActions} job=${job} /></div>
  </div>`;
}

/** A job that a page started and remembers: [job, start(verb, options), error, forget]. `key` names the draft. */
export function useOwnJob(key, onDone) {
  const [id, setId] = useState(() => localStorage.getItem(`reverie:job:${key}`));
  const [error, setError] = useState(null);
  const job = useJob(id);
  const keep = (next) => {
    if (next) localStorage.setItem(`reverie:job:${key}`, next);
    else localStorage.removeItem(`reverie:job:${key}`);
    setId(next);
  };
  useEffect(() => {
    // Told once, also when the page is opened again: its results are in the draft by then.
    if (job?.state === "done" && localStorage.getItem(`reverie:told:${key}`) !== job.id) {
      localStorage.setItem(`reverie:told:${key}`, job.id);
      onDone?.(job);
    }
  }, [job?.state, job?.id]);
  const start = async (verb, options) => {
    setError(null);
    try {
      const answer = await api.start(verb, options);
      keep(answer.id);
      return answer.id;
    } catch (failure) {
      setError(failure);
      return null;
    }
  };
  return { job, start, error, setError, forget: () => keep(null), watch: keep };
}

