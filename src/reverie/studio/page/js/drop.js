// A place to drop images or a zip on, which is also a button for choosing them.

import { upload } from "./api.js";
import { classes, html, useRef, useState } from "./dom.js";
import { Icon } from "./icons.js";
import { Button, Notice, Progress } from "./parts.js";
import { count, percent } from "./text.js";

/** Files of a drop, those in dropped folders included. */
async function droppedFiles(transfer) {
  const entries = [...transfer.items].map((item) => item.webkitGetAsEntry?.()).filter(Boolean);
  if (!entries.some((entry) => entry.isDirectory)) return [...transfer.files];
  const found = [];
  const visit = async (entry) => {
    if (entry.isFile) found.push(await new Promise((done, fail) => entry.file(done, fail)));
    else {
      const reader = entry.createReader();
      for (;;) {
        const part = await new Promise((done, fail) => reader.readEntries(done, fail));
        if (!part.length) break;
        for (const one of part) await visit(one);
      }
    }
  };
  for (const entry of entries) await visit(entry);
  return found;
}

/** Uploads what is dropped or chosen; `onUploaded` gets the server's answer. */
export function Drop({ title = "Drop images or a zip here", hint, folder, multiple = true, small, accept = "image/*,.zip,.csv", onUploaded }) {
  const [over, setOver] = useState(false);
  const [sent, setSent] = useState(null);
  const [problem, setProblem] = useState(null);
  const input = useRef();
  const take = async (files) => {
    if (!files.length) return;
    setProblem(null);
    setSent(0);
    try {
      const answer = await upload(multiple ? files : files.slice(0, 1), { folder, onProgress: setSent });
      if (answer.skipped?.length && !answer.count) setProblem(`${answer.skipped[0].name}: ${answer.skipped[0].why}`);
      else onUploaded(answer);
    } catch (error) {
      setProblem(error.message);
    }
    setSent(null);
  };
  const drop = async (event) => {
    event.preventDefault();
    setOver(false);
    take(await droppedFiles(event.dataTransfer));
  };
  const paste = (event) => {
    const files = [...(event.clipboardData?.files ?? [])];
    if (files.length) take(files);
  };
  return html`<div class="stack close">
    <div class=${classes("drop", small && "small", over && "over")} onDragOver=${(event) => { event.preventDefault(); setOver(true); }} onDragLeave=${() => setOver(false)} onDrop=${drop} onPaste=${paste}>
      ${!small && html`<${Icon} name="upload" size="26px" />`}
      <strong>${title}</strong>
      ${hint && html`<span class="small">${hint}</span>`}
      ${sent == null
        ? html`<${Button} icon="folder" size=${small && "small"} onClick=${() => input.current.click()}>Choose ${multiple ? "files" : "a file"}</${Button}>`
        : html`<div class="stack tight" style=${{ width: "min(100%, 300px)" }} aria-live="polite"><${Progress} value=${sent} label="Upload" /><span class="small">${sent < 1 ? `Uploading, ${percent(sent)}` : "100 % sent, the server reads the files"}</span></div>`}
      <input ref=${input} type="file" hidden multiple=${multiple} accept=${accept} onChange=${(event) => { take([...event.target.files]); event.target.value = ""; }} />
    </div>
    ${problem && html`<${Notice} kind="bad">${problem}</${Notice}>`}
  </div>`;
}

/** What an upload left out, and why. */
export function LeftOut({ skipped, total = skipped?.length }) {
  if (!skipped?.length) return null;
  return html`<details><summary class="small">${count(total, "file")} left out</summary>
    <ul class="small muted stack tight">${skipped.slice(0, 200).map((one) => html`<li key=${one.name} class="wrap"><strong>${one.name}</strong>: ${one.why}</li>`)}</ul></details>`;
}
