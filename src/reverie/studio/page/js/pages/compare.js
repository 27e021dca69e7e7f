// Compare: any runs side by side: figures and options in a table, curves, samples; evaluate all.

import { api, fileUrl } from "../api.js";
import { Curves } from "../curves.js";
import { html, useMemo, useState } from "../dom.js";
import { CommonFilm } from "../film.js";
import { JobProgress, isOver, useOwnJob } from "../jobs.js";
import { Answer, Button, Empty, Notice, Picture, SearchField } from "../parts.js";
import { link, replace } from "../router.js";
import { complain, toast, useRequest, useShared } from "../state.js";
import { count, duration, figure, integer, label, outputFolder, shown } from "../text.js";

const FIRST = 18;

/** Names in the address, with the slash between them that no name has. */
const namesOf = (query) => (query.runs ?? "").split("/").filter(Boolean);

export function Compare({ query }) {
  const names = namesOf(query);
  const choose = (next) => replace(["compare"], { runs: next.join("/") });
  const changes = useShared((s) => names.map((name) => s.changes[name] ?? 0).join());
  const answer = useRequest(() => Promise.all(names.map((name) => api.run(name).catch((error) => ({ name, gone: error.message })))), [names.join("/"), changes]);
  const found = (answer.data ?? []).filter((run) => names.includes(run.name));
  const gone = found.filter((run) => run.gone);
  const runs = useMemo(() => found.filter((run) => !run.gone), [answer.data, names.join("/")]);
  return html`
    <div class="page-head"><div class="grow"><h1>Compare</h1><p>Choose two runs or more: what differs, how they learn, and what they make.</p></div>
      ${runs.length > 1 && html`<${SavePage} runs=${runs} />`}</div>
    <${Picker} names=${names} onChange=${choose} />
    ${gone.map((run) => html`<${Notice} key=${run.name} kind="warn"><div class="row"><span class="grow">${run.name}: ${run.gone}</span><${Button} size="small" onClick=${() => choose(names.filter((name) => name !== run.name))}>Take it out</${Button}></div></${Notice}>`)}
    ${names.length === 0 && html`<${Empty} icon="compare" title="No run chosen"><p>Choose runs above. Two that differ in one option say the most.</p></${Empty}>`}
    ${runs.length > 0 &&
    html`
      <${Table} runs=${runs} />
      <section class="panel" aria-labelledby="compare-samples"><h2 id="compare-samples">Samples</h2><${CommonFilm} runs=${runs} /></section>
      <section class="panel" aria-labelledby="compare-curves"><h2 id="compare-curves">Curves</h2><${Curves} runs=${runs.map(({ name, curves }) => ({ name, curves }))} several /></section>`}`;
}

function Picker({ names, onChange }) {
  const [search, setSearch] = useState("");
  const [all, setAll] = useState(names.length < 2);
  const answer = useRequest(() => api.runs(0, 500, search), [search]);
  const toggle = (name) => onChange(names.includes(name) ? names.filter((one) => one !== name) : [...names, name]);
  return html`<section class="panel" aria-labelledby="pick">
    <div class="section-head"><h2 id="pick">Runs</h2>
      ${names.map((name) => html`<${Button} key=${name} size="small" icon="close" aria-label=${`Take ${name} out`} onClick=${() => toggle(name)}>${name}</${Button}>`)}
      <${Button} size="small" kind="quiet" aria-expanded=${String(all)} onClick=${() => setAll(!all)}>${all ? "Hide the list" : "Change"}</${Button}></div>
    ${all &&
    html`<${Answer} of=${answer}>${({ runs, total }) => html`
      ${(total > FIRST || search) && html`<${SearchField} label="Search runs" value=${search} onInput=${(event) => setSearch(event.target.value)} />`}
      ${total === 0 && html`<p class="muted">${search ? "No run has these words." : html`No runs yet. <a href=${link(["new"])}>Train a model</a> first.`}</p>`}
      <div class="run-picks">${runs.slice(0, FIRST).map(
        (run) => html`<label class="run-pick" key=${run.name}><input type="checkbox" checked=${names.includes(run.name)} onChange=${() => toggle(run.name)} />
          <div class="frame-image">${run.sheet && html`<${Picture} path=${run.sheet} thumb="128" cover alt="" />`}</div>
          <div class="stack" style=${{ gap: "0" }}><strong class="clip" title=${run.name}>${run.name}</strong><span class="small muted clip">${run.method}, ${integer(run.step)} steps</span></div></label>`,
      )}</div>
      ${total > FIRST && html`<p class="small muted number">The newest ${FIRST} of ${integer(total)}; search for the others.</p>`}`}</${Answer}>`}
  </section>`;
}

function SavePage({ runs }) {
  const work = useOwnJob("compare", () => toast("The page is written.", { action: "Open", onAction: open }));
  const file = work.job?.result?.file ?? work.job?.options.out;
  const open = () => window.open(fileUrl(file), "_blank", "noopener");
  const start = () => work.start("compare", { runs: runs.map((run) => run.path), out: `${outputFolder("compare")}/compare.html` });
  return html`<div class="row">
    ${work.job?.state === "done" && html`<a class="button" href=${fileUrl(file)} target="_blank" rel="noopener">Open the page</a>`}
    <${Button} icon="download" busy=${work.job && !isOver(work.job)} onClick=${start}>Save as a page</${Button}>
    ${work.error && html`<p class="small bad-text">${work.error.message}</p>`}
  </div>`;
}

/** The newest finished evaluation of each run, by path. */
function evaluationsOf(jobs) {
  const found = {};
  for (const job of jobs) if (job.verb === "evaluate" && job.state === "done" && !(job.options.model in found)) found[job.options.model] = job.result;
  return found;
}

function Table({ runs }) {
  const jobs = useShared((s) => s.jobs);
  const [all, setAll] = useState(false);
  const evaluations = evaluationsOf(jobs);
  const waiting = jobs.filter((job) => job.verb === "evaluate" && !isOver(job) && runs.some((run) => run.path === job.options.model));
  const evaluate = async () => {
    try {
      for (const run of runs) await api.start("evaluate", { model: run.path, data: run.data });
    } catch (error) {
      complain(error);
    }
  };
  const figures = runs.map((run) => ({ ...run.figures, ...numbersOf(evaluations[run.path]) }));
  const figureNames = [...new Set(figures.flatMap(Object.keys))];
  const optionNames = [...new Set(runs.flatMap((run) => Object.keys(run.options)))].filter((name) => !["method", "data", "out"].includes(name));
  const differs = (name) => new Set(runs.map((run) => JSON.stringify(run.options[name] ?? null))).size > 1;
  const rows = [
    ["Method", (run) => run.method],
    ["Images", (run) => run.data],
    ["Steps done", (run) => integer(run.step)],
    ["Trained for", (run) => (run.minutes ? duration(60 * run.minutes) : "–")],
  ];
  const line = (name, values, marked) => html`<tr key=${name} class=${marked ? "differs" : undefined}><th scope="row">${name}</th>${values.map((value, n) => html`<td key=${runs[n].name}>${value}</td>`)}</tr>`;
  return html`<section class="panel" aria-labelledby="compare-table">
    <div class="section-head"><h2 id="compare-table">Figures and options</h2>
      <label class="check small"><input type="checkbox" checked=${all} onChange=${(event) => setAll(event.target.checked)} />All options</label>
      <${Button} disabled=${waiting.length > 0} onClick=${evaluate}>${waiting.length ? `Evaluating, ${count(waiting.length, "run")} left` : `Evaluate ${runs.length === 1 ? "it" : `all ${runs.length}`}`}</${Button}></div>
    ${waiting.map((job) => html`<${JobProgress} key=${job.id} job=${job} />`)}
    <div class="scroll-x" tabindex="0" role="region" aria-label="Table of the runs"><table>
      <thead><tr><td></td>${runs.map((run) => html`<th scope="col" key=${run.name}><a href=${link(["run", run.name])}>${run.name}</a></th>`)}</tr></thead>
      <tbody>
        ${rows.map(([name, of]) => line(name, runs.map(of)))}
        ${figureNames.map((name) => line(name, figures.map((one) => figure(one[name]))))}
        ${optionNames.filter((name) => all || differs(name)).map((name) => line(label(name), runs.map((run) => shown(run.options[name])), runs.length > 1 && differs(name)))}
      </tbody></table></div>
    ${runs.length > 1 && html`<p class="small muted">Options that differ are marked${all ? "" : "; those that are the same are not shown"}.</p>`}
  </section>`;
}

const numbersOf = (result) => Object.fromEntries(Object.entries(result ?? {}).filter(([, value]) => typeof value === "number"));
