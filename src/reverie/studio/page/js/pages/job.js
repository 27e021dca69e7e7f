// One job: its command, progress, result and log.

import { api } from "../api.js";
import { html } from "../dom.js";
import { JobActions, JobProgress, StateChip, isOver, jobTitle } from "../jobs.js";
import { Answer, Command, Empty, LinkButton } from "../parts.js";
import { Result } from "../result.js";
import { link } from "../router.js";
import { useJob, useRequest } from "../state.js";
import { baseName, duration, moment } from "../text.js";

export function JobPage({ args }) {
  const [id] = args;
  const live = useJob(id);
  const answer = useRequest(() => api.job(id), [id, live?.state, Math.floor(20 * (live?.progress ?? 0))]);
  if (answer.error?.status === 404) return html`<${Empty} icon="search" title="This job is gone" level=${1}><p>It was removed from the list. What it made is still there.</p><${LinkButton} href=${link(["home"])}>Home</${LinkButton}></${Empty}>`;
  return html`<${Answer} of=${answer}>${(found) => {
    const job = live ? { ...found, ...live } : found;
    return html`
      <div class="page-head"><div class="grow"><h1>${jobTitle(job)}</h1><div class="row"><${StateChip} state=${job.state} /><span class="small muted">${moment(job.started ?? job.created)}${job.ended && job.started ? `, took ${duration(job.ended - job.started)}` : ""}</span></div></div>
        <div class="row">${job.run && html`<${LinkButton} href=${link(["run", baseName(job.run)])}>Open the run</${LinkButton}>`}${isOver(job) && html`<${JobActions} job=${job} size="" />`}</div></div>
      <${JobProgress} job=${job} />
      <${Command} text=${job.command} />
      ${job.result && html`<section class="panel"><h2>Result</h2><${Result} result=${job.result} /></section>`}
      <${Log} text=${found.log} />`;
  }}</${Answer}>`;
}

export function Log({ text }) {
  return html`<section class="section"><h2>Log</h2>${text ? html`<pre class="log" tabindex="0" aria-label="The last lines of the log" ref=${stayAtEnd}>${text}</pre>` : html`<p class="muted small">Nothing was printed yet.</p>`}</section>`;
}

const stayAtEnd = (element) => {
  if (element) element.scrollTop = element.scrollHeight;
};
