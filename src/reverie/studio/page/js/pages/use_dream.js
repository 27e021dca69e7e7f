// Dream: an image, layers chosen from pictures, a guide image, and a film.

import { api } from "../api.js";
import { CompareSlider } from "../compare_slider.js";
import { html, useEffect, useState } from "../dom.js";
import { GifFilm } from "../film.js";
import { Fields, MoreOptions, problemOf } from "../form.js";
import { ImageInput } from "../image_input.js";
import { JobProgress, isOver, useOwnJob } from "../jobs.js";
import { Answer, Button, Empty, Notice, Picture, Segmented } from "../parts.js";
import { complain, toast, useDraft, useRequest, useShared } from "../state.js";
import { baseName, outputFolder } from "../text.js";

const PLACED = ["image", "out", "json", "list_layers", "layers", "guide", "film", "zoom", "rotate", "rate", "like"];
const COMMON = ["octaves", "steps", "step_size"];
const OF_FILM = ["film", "zoom", "rotate", "rate"];
const SMALL = { octaves: 2, steps: 6 };
const MOST_PREVIEWS = 8;

/** Layers of a backbone, listed once by a job and remembered. */
function useLayers(backbone) {
  const key = `reverie:layers:${backbone}`;
  const [layers, setLayers] = useState(() => JSON.parse(localStorage.getItem(key) ?? "null"));
  const listing = useOwnJob(`layers-${backbone}`, (job) => {
    localStorage.setItem(key, JSON.stringify(job.result));
    setLayers(job.result);
  });
  useEffect(() => {
    const known = JSON.parse(localStorage.getItem(key) ?? "null");
    setLayers(known);
    if (!known && !(listing.job && !isOver(listing.job))) listing.start("dream", { list_layers: true, ...(backbone !== "efficientnet" && { backbone }) });
  }, [backbone]);
  return { layers, listing };
}

export function Dream() {
  const [draft, update] = useDraft("dream", { image: null, guide: null, layers: [], values: {}, mode: "image", done: null });
  const verb = useRequest(() => api.verb("dream"), []);
  const work = useOwnJob("dream", (job) => update({ done: { file: job.result.file ?? job.options.out, image: job.options.image?.[0] } }));
  const [problem, setProblem] = useState({ errors: {}, error: null });
  const backbone = draft.values.backbone ?? "efficientnet";
  const set = (field, value) => update((old) => {
    const values = { ...old.values, [field]: value };
    if (value === undefined || value === null) delete values[field];
    return { values };
  });
  const start = async (quick) => {
    setProblem({ errors: {}, error: null });
    const film = draft.mode === "film" && !quick;
    const values = Object.fromEntries(Object.entries(draft.values).filter(([name]) => film || !OF_FILM.includes(name)));
    const options = {
      image: [draft.image], ...values, ...(quick && SMALL),
      ...(draft.layers.length && { layers: draft.layers }), ...(draft.guide && { guide: draft.guide }),
      ...(film && { film: values.film ?? 36 }), out: `${outputFolder("dream")}/dream.${film ? "gif" : "png"}`,
    };
    try {
      const { id } = await api.start("dream", options);
      work.watch(id);
    } catch (failure) {
      setProblem(problemOf(failure));
    }
  };
  const running = work.job && !isOver(work.job);
  return html`<div class="bench">
    <div class="panel controls">
      <${ImageInput} label="Image to dream on" path=${draft.image} onChange=${(image) => { if (work.job && isOver(work.job)) work.forget(); update({ image }); }} />
      <${ImageInput} label="Guide image" optional path=${draft.guide} onChange=${(guide) => update({ guide })} hint="Its features are what is dreamt" />
      <${Segmented} label="What to make" value=${draft.mode} onChange=${(mode) => update({ mode })} options=${[["image", "Image"], ["film", "Film"]]} />
      <${Answer} of=${verb}>${({ schema }) => {
        const names = Object.keys(schema.properties).filter((name) => !PLACED.includes(name));
        return html`<${Fields} schema=${schema} names=${draft.mode === "film" ? [...COMMON, ...OF_FILM] : COMMON} values=${draft.values} errors=${problem.errors} onChange=${set} titles=${{ film: "Frames" }} />
          <${MoreOptions} schema=${schema} names=${names.filter((name) => !COMMON.includes(name))} values=${draft.values} errors=${problem.errors} onChange=${set} />`;
      }}</${Answer}>
      ${(problem.error || problem.errors.image || problem.errors.layers) && html`<${Notice} kind="bad">${problem.error ?? problem.errors.image ?? problem.errors.layers}</${Notice}>`}
      ${work.job && work.job.state !== "done" && html`<${JobProgress} job=${work.job} />`}
      <div class="row"><${Button} kind="primary" class="grow" disabled=${!draft.image || running} onClick=${() => start(false)}>${draft.mode === "film" ? "Make the film" : "Dream"}</${Button}>
        <${Button} disabled=${!draft.image || running} onClick=${() => start(true)} title="Two octaves of six steps">Quick preview</${Button}></div>
    </div>
    <div class="stack">
      ${draft.done
        ? html`<div class="panel">${/\.gif$/i.test(draft.done.file) ? html`<${GifFilm} path=${draft.done.file} alt="Film of a dream" rate=${12} />` : draft.done.image ? html`<${CompareSlider} before=${draft.done.image} after=${draft.done.file} labels=${["Original", "Dream"]} alt=${baseName(draft.done.image)} />` : html`<${Picture} path=${draft.done.file} alt="Dream" />`}</div>`
        : html`<${Empty} icon="use" title="No dream yet"><p>Choose an image; a photograph with sky or foliage works well. Deeper layers bring larger forms.</p></${Empty}>`}
      <${Layers} backbone=${backbone} image=${draft.image} chosen=${draft.layers} onChange=${(layers) => update({ layers })} />
    </div>
  </div>`;
}

function Layers({ backbone, image, chosen, onChange }) {
  const { layers, listing } = useLayers(backbone);
  const jobs = useShared((s) => s.jobs);
  const names = Object.keys(layers ?? {});
  const previews = {};
  for (const job of jobs) {
    const of = job.options?.layers;
    if (job.verb === "dream" && of?.length === 1 && !job.options.film && job.options.image?.[0] === image && !(of[0] in previews)) previews[of[0]] = job;
  }
  const spread = names.filter((_, n) => n % Math.max(1, Math.ceil(names.length / MOST_PREVIEWS)) === 0);
  const missing = spread.filter((name) => !previews[name]);
  const draw = async () => {
    try {
      for (const name of missing) await api.start("dream", { image: [image], layers: [name], ...(backbone !== "efficientnet" && { backbone }), ...SMALL, out: `${outputFolder("layer")}/dream.png` });
      toast(`${missing.length} small dreams are in the queue; the pictures come one by one.`);
    } catch (error) {
      complain(error);
    }
  };
  const toggle = (name) => onChange(chosen.includes(name) ? chosen.filter((one) => one !== name) : [...chosen, name]);
  return html`<section class="panel" aria-labelledby="layers">
    <div class="section-head"><h2 id="layers">Layers</h2><span class="small muted">${chosen.length ? `${chosen.length} chosen` : "none chosen: the backbone's usual ones"}</span>
      ${image && missing.length > 0 && names.length > 0 && html`<${Button} size="small" onClick=${draw}>Draw ${missing.length} pictures</${Button}>`}</div>
    ${!layers && html`<${JobProgress} job=${listing.job} />`}
    ${listing.error && html`<${Notice} kind="bad">${listing.error.message}</${Notice}>`}
    <div class="layers">${names.map((name) => {
      const job = previews[name];
      return html`<button type="button" class="layer-tile" key=${name} aria-pressed=${String(chosen.includes(name))} onClick=${() => toggle(name)}>
        ${Object.keys(previews).length > 0 && html`<div class="frame-image" style=${{ aspectRatio: "1" }}>${!job ? html`<span class="missing">no picture</span>` : job.state === "done" ? html`<${Picture} path=${job.result.file ?? job.options.out} thumb="256" cover alt=${`Dream of the layer ${name}`} />` : html`<span class="missing">${job.state}</span>`}</div>`}
        <strong class="small wrap">${name}</strong><small>${String(layers[name]).replace(/\s+/g, " ")}</small></button>`;
    })}</div>
  </section>`;
}
