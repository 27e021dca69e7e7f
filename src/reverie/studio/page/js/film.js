// Images over time under a slider, which play as a film: sheets of a training, and frames of a GIF.

import { fileUrl } from "./api.js";
import { html, useEffect, useRef, useState } from "./dom.js";
import { Button, Picture, Slider } from "./parts.js";
import { integer } from "./text.js";

/** Advances `at` to the end, at `rate` frames per second; `ready()` says whether the next one can be shown. */
function usePlayer(total, at, setAt, rate) {
  const [playing, setPlaying] = useState(false);
  useEffect(() => {
    if (!playing) return;
    if (at >= total - 1) {
      setPlaying(false);
      return;
    }
    const timer = setTimeout(() => setAt(at + 1), 1000 / rate);
    return () => clearTimeout(timer);
  }, [playing, at, total]);
  const toggle = () => {
    if (!playing && at >= total - 1) setAt(0);
    setPlaying(!playing);
  };
  return [playing, toggle, () => setPlaying(false)];
}

function Controls({ total, at, setAt, words, rate, label }) {
  const [playing, toggle, pause] = usePlayer(total, at, setAt, rate);
  if (total < 2) return html`<p class="small muted number">${words}</p>`;
  return html`<div class="film-controls">
    <${Button} icon=${playing ? "pause" : "play"} aria-label=${playing ? "Pause" : "Play as a film"} title=${playing ? "Pause" : "Play as a film"} onClick=${toggle} />
    <input type="range" aria-label=${label} min="0" max=${total - 1} step="1" value=${at} aria-valuetext=${words} onInput=${(event) => { pause(); setAt(Number(event.target.value)); }} />
    <output>${words}</output>
  </div>`;
}

/** Sheets of a training: [{ step, path }], oldest first. Stays at the newest while the training goes on. */
export function SheetFilm({ sheets, name, version, compact }) {
  const [chosen, setChosen] = useState(null);
  const at = chosen == null ? sheets.length - 1 : Math.min(chosen, sheets.length - 1);
  const set = (next) => setChosen(next >= sheets.length - 1 ? null : next);
  const sheet = sheets[at];
  useEffect(() => {
    // the neighbours are fetched ahead, so that the film does not flicker
    for (const near of [sheets[at + 1], sheets[at + 2]]) if (near) new Image().src = fileUrl(near.path);
  }, [at, sheets.length]);
  if (!sheet) return null;
  return html`<div class="stack close">
    <a class="film-view" href=${fileUrl(sheet.path)} target="_blank" rel="noopener" title="Open at full size" style=${compact ? { minHeight: "120px" } : undefined}>
      <${Picture} path=${sheet.path} version=${version} eager alt=${`Samples of ${name} at step ${integer(sheet.step)}`} />
    </a>
    <${Controls} total=${sheets.length} at=${at} setAt=${set} rate=${4} label=${`Step of the samples of ${name}`} words=${`step ${integer(sheet.step)}`} />
  </div>`;
}

/** Frames of an animated image; null while they are read, false where the browser cannot take it apart. */
export function useFrames(path) {
  const [frames, setFrames] = useState(null);
  useEffect(() => {
    let ended = false;
    let made = [];
    setFrames(null);
    if (!path) return;
    if (!("ImageDecoder" in globalThis)) {
      setFrames(false);
      return;
    }
    (async () => {
      try {
        const response = await fetch(fileUrl(path), { credentials: "same-origin" });
        const type = /\.webp$/i.test(path) ? "image/webp" : "image/gif";
        const decoder = new ImageDecoder({ data: await response.arrayBuffer(), type });
        await decoder.tracks.ready;
        const total = decoder.tracks.selectedTrack.frameCount;
        for (let i = 0; i < total && !ended; i++) {
          const { image } = await decoder.decode({ frameIndex: i });
          made.push(await createImageBitmap(image));
          image.close();
        }
        decoder.close();
        if (!ended) setFrames(made);
      } catch {
        if (!ended) setFrames(false);
      }
    })();
    return () => {
      ended = true;
      for (const bitmap of made) bitmap.close();
    };
  }, [path]);
  return frames;
}

export function GifFilm({ path, alt, rate = 8, words = (at, total) => `frame ${at + 1} of ${total}`, onFrame }) {
  const frames = useFrames(path);
  const [at, setAt] = useState(0);
  const canvas = useRef();
  useEffect(() => setAt(0), [path]);
  useEffect(() => {
    if (!frames || !canvas.current || !frames[at]) return;
    const bitmap = frames[at];
    canvas.current.width = bitmap.width;
    canvas.current.height = bitmap.height;
    canvas.current.getContext("2d").drawImage(bitmap, 0, 0);
    onFrame?.(at, frames.length);
  }, [frames, at]);
  if (frames === false) return html`<div class="film-view"><${Picture} path=${path} alt=${alt} eager /></div>`;
  return html`<div class="stack close">
    <div class="film-view">${frames ? html`<canvas ref=${canvas} class=${frames[0].width < 300 ? "pixels" : undefined} role="img" aria-label=${alt}></canvas>` : html`<span class="muted small">Reading the film …</span>`}</div>
    ${frames && html`<${Controls} total=${frames.length} at=${at} setAt=${setAt} rate=${rate} label=${alt} words=${words(at, frames.length)} />`}
  </div>`;
}

/** One slider for the films of several runs, by the fraction of each training. */
export function CommonFilm({ runs }) {
  const [share, setShare] = useState(1);
  return html`<div class="stack">
    <div style=${{ maxWidth: "420px" }}><${Slider} label="Moment of the trainings" min=${0} max=${1} step=${0.02} value=${share} onInput=${setShare} format=${(value) => `${Math.round(100 * value)} %`} /></div>
    <div class="side-by-side">
      ${runs.map((run) => {
        const sheets = run.sheets.filter((sheet) => sheet.kind === (run.sheets.some((one) => one.kind === "samples") ? "samples" : run.sheets[0]?.kind));
        const sheet = sheets[Math.round(share * (sheets.length - 1))];
        return html`<figure class="stack tight" key=${run.name}>
          <div class="film-view" style=${{ minHeight: "120px" }}>${sheet ? html`<${Picture} path=${sheet.path} alt=${`Samples of ${run.name} at step ${integer(sheet.step)}`} />` : html`<span class="missing">No samples yet</span>`}</div>
          <figcaption class="row"><strong class="grow wrap">${run.name}</strong><span class="small muted number">${sheet ? `step ${integer(sheet.step)}` : ""}</span></figcaption>
        </figure>`;
      })}
    </div>
  </div>`;
}
