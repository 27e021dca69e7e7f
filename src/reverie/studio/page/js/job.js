// One job: what it does, how far it is, and what can be done with it.

import { api } from "./api.js";
import { html } from "./dom.js";
import { Icon } from "./icons.js";
import { link } from "./router.js";
import { adoptJob, complain, toast } from "./state.js";
import { ago, duration, percent } from "./text.js";

export const isActive = (job) => job.state === "running" || job.state === "stopping";
const act = (work) => work.then((job) => job.id && adoptJob(job)).catch(complain);

export function Progress({ value, label }) {
  return html`<div class="bar" role="progressbar" aria-label=${label} aria-valuemin="0" aria-valuemax="100"
    aria-valuenow=${value == null ? null : Math.round(100 * value)}><i style=${{ width: `${100 * (value ?? 0)}%` }}></i></div>`;
}

export function JobButtons({ job }) {
  return html`<span class="row">
    ${job.state === "queued" && html`<button onClick=${() => act(api.stop(job.id))}>Take from the queue</button>`}
    ${job.state === "running" && html`<button onClick=${() => act(api.stop(job.id))}><${Icon} name="stop" size="1em" />Stop</button>`}
    ${job.state === "stopping" && html`<button class="danger" onClick=${() => act(api.stop(job.id))}>End at once</button>`}
    ${(job.state === "interrupted" || job.state === "failed") && job.verb !== "estimate" &&
    html`<button onClick=${() => act(api.resume(job.id))}><${Icon} name="play" size="1em" />${job.verb === "train" ? "Resume" : "Again"}</button>`}
  </span>`;
}

const title = (job) => (job.run ? job.run.replace(/^runs\//, "") : (job.options.name ?? job.options.model ?? ""));

export function JobRow({ job, onUp }) {
  const remove = () =>
    api.remove(job.id).then(() => toast(`Removed from the list; what it made stays.`)).catch(complain);
  return html`<div class="card job">
    <div class="row">
      <span class="grow"><b>${job.verb}</b> ${job.run ? html`<a href=${link(["run", title(job)])}>${title(job)}</a>` : title(job)}</span>
      <span class="tag ${isActive(job) ? "live" : job.state}">${job.state}${job.position ? `, number ${job.position}` : ""}</span>
      ${job.position > 1 && onUp && html`<button class="plain" aria-label="Earlier in the queue" onClick=${onUp}><${Icon} name="up" size="1em" /></button>`}
      <${JobButtons} job=${job} />
      ${!isActive(job) && job.state !== "queued" && html`<button class="plain" aria-label="Remove from the list" onClick=${remove}><${Icon} name="close" size="1em" /></button>`}
    </div>
    ${isActive(job) && html`<${Progress} value=${job.progress} label=${`Progress of ${job.verb}`} />`}
    <div class="small muted">
      ${isActive(job)
        ? html`${percent(job.progress)}${job.seconds_left != null && html`, ${duration(job.seconds_left)} left`} · ${job.message}`
        : html`<span class=${job.error ? "bad" : ""}>${job.error ?? job.message}</span> ${job.ended && ago(job.ended)}`}
    </div>
  </div>`;
}
