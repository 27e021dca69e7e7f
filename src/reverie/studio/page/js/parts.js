// Small parts that every page uses.

import { fileUrl } from "./api.js";
import { classes, html, useEffect, useId, useMemo, useRef, useState } from "./dom.js";
import { Icon } from "./icons.js";
import { toast } from "./state.js";
import { duration, figure, percent } from "./text.js";

export function Button({ icon, kind, size, children, busy, ...rest }) {
  const bare = !children || (Array.isArray(children) && !children.some(Boolean));
  return html`<button type="button" ...${rest} class=${classes("button", kind, size, bare && "icon-only", rest.class)} disabled=${rest.disabled || busy} aria-busy=${busy ? "true" : undefined}>
    ${icon && html`<${Icon} name=${icon} size=${bare ? "1.2em" : "1.1em"} />`}${children}
  </button>`;
}

export function LinkButton({ icon, kind, size, children, ...rest }) {
  return html`<a ...${rest} class=${classes("button", kind, size)}>${icon && html`<${Icon} name=${icon} size="1.1em" />`}${children}</a>`;
}

/** A bar with its number for screen readers; without a number it is empty, and the text beside it says why. */
export function Progress({ value, label, thin }) {
  const shown = value == null ? 0 : Math.min(1, Math.max(0, value));
  return html`<span class=${classes("progress", thin && "thin")} role="progressbar" aria-label=${label} aria-valuemin="0" aria-valuemax="100" aria-valuenow=${value == null ? undefined : Math.floor(100 * shown)} aria-valuetext=${value == null ? "not known yet" : percent(value)}>
    <span style=${{ width: `${100 * shown}%` }}></span>
  </span>`;
}

/** Progress for screen readers: spoken at each tenth, not at each change. */
export function Spoken({ label, value, seconds }) {
  const tenth = value == null ? null : Math.floor(10 * value);
  const words = useMemo(() => (tenth == null ? "" : `${label}: ${10 * tenth} %${seconds != null ? `, ${duration(seconds)} left` : ""}`), [label, tenth]);
  return html`<span class="unseen" role="status">${words}</span>`;
}

export function Notice({ kind, icon, children }) {
  const name = icon ?? (kind === "warn" || kind === "bad" ? "warning" : null);
  return html`<div class=${classes("notice", kind)} role=${kind === "bad" ? "alert" : undefined}>
    ${name && html`<${Icon} name=${name} />`}<div class="grow">${children}</div>
  </div>`;
}

/** What a part of a page shows while it has nothing; as a whole page, with a title of `level` 1. */
export function Empty({ icon, title, level = 3, children }) {
  const Title = `h${level}`;
  return html`<div class="empty">${icon && html`<${Icon} name=${icon} size="32px" />`}<${Title} class="empty-title">${title}</${Title}>${children}</div>`;
}

/** Content of a request: a sentence while it is on its way, the error with a second try, or what it answered. */
export function Answer({ of, children, loading = "Loading …" }) {
  if (of.data == null && of.error)
    return html`<${Notice} kind="bad"><div class="row"><span class="grow">${of.error.message}</span><${Button} size="small" onClick=${of.again}>Try again</${Button}></div></${Notice}>`;
  if (of.data == null) return html`<p class="muted" aria-live="polite">${loading}</p>`;
  return children(of.data);
}

/** Radio buttons in one row. `options` are [value, label] pairs. */
export function Segmented({ label, options, value, onChange }) {
  const name = useId();
  return html`<div class="segmented" role="radiogroup" aria-label=${label}>
    ${options.map(
      ([option, text]) => html`<label key=${option}><input type="radio" name=${name} checked=${option === value} onChange=${() => onChange(option)} /><span>${text}</span></label>`,
    )}
  </div>`;
}

export function Slider({ label, value, min, max, step = 1, onInput, onChange, format = figure, help, unseen }) {
  const id = useId();
  return html`<div class="field">
    <label for=${id} class=${unseen ? "unseen" : undefined}>${label}</label>
    <div class="slider-row">
      <input id=${id} type="range" min=${min} max=${max} step=${step} value=${value} aria-valuetext=${format(value)}
        onInput=${(event) => onInput?.(Number(event.target.value))} onChange=${(event) => onChange?.(Number(event.target.value))} />
      <output for=${id}>${format(value)}</output>
    </div>
    ${help && html`<p class="help">${help}</p>`}
  </div>`;
}

export function TextField({ label, help, error, unseen, ...rest }) {
  const id = useId();
  return html`<div class="field">
    <label for=${id} class=${unseen ? "unseen" : undefined}>${label}</label>
    <input id=${id} type="text" autocomplete="off" spellcheck=${false} ...${rest} aria-invalid=${error ? "true" : undefined} aria-describedby=${`${id}-more`} />
    <div id=${`${id}-more`} class="stack tight">
      ${error && html`<p class="error" role="alert">${error}</p>`}
      ${help && html`<p class="help">${help}</p>`}
    </div>
  </div>`;
}

export function SelectField({ label, options, value, onChange, help, unseen }) {
  const id = useId();
  return html`<div class="field">
    <label for=${id} class=${unseen ? "unseen" : undefined}>${label}</label>
    <select id=${id} value=${value ?? ""} onChange=${(event) => onChange(event.target.value)}>
      ${options.map(([option, text]) => html`<option key=${option} value=${option} selected=${option === (value ?? "")}>${text}</option>`)}
    </select>
    ${help && html`<p class="help">${help}</p>`}
  </div>`;
}

export const SearchField = ({ label, ...rest }) => html`<div class="search"><${Icon} name="search" size="18px" /><input type="search" aria-label=${label} placeholder=${label} ...${rest} /></div>`;

/** An image of the home folder. Small ones keep hard pixel edges; a broken one says so. */
export function Picture({ path, src, alt, thumb, version, cover, eager }) {
  const [seen, setSeen] = useState({ address: null, state: "" });
  const address = src ?? fileUrl(path, { thumb, version });
  const state = seen.address === address ? seen.state : "";
  const setState = (next) => setSeen({ address, state: next });
  if (state === "broken") return html`<span class="missing">${alt || "This image"} cannot be shown</span>`;
  return html`<img class=${classes("shown", cover && "cover", state)} src=${address} alt=${alt} loading=${eager ? undefined : "lazy"} decoding="async" draggable=${false}
    onLoad=${(event) => setState(event.target.naturalWidth < 200 && event.target.naturalWidth < event.target.clientWidth ? "pixels" : "")} onError=${() => setState("broken")} />`;
}

/** Figures by name, the first `most`. */
export function Figures({ figures, most = 4, large }) {
  const entries = Object.entries(figures ?? {}).slice(0, most);
  if (!entries.length) return null;
  return html`<dl class=${classes("figures", large && "large")}>
    ${entries.map(([name, value]) => html`<div key=${name}><dt>${name}</dt><dd>${figure(value)}</dd></div>`)}
  </dl>`;
}

/** A modal question. `onClose(true)` when it is confirmed. */
export function Question({ title, children, confirm = "Yes", danger, onClose }) {
  const element = useRef();
  useEffect(() => element.current.showModal(), []);
  return html`<dialog ref=${element} onClose=${() => onClose(element.current?.returnValue === "yes")}>
    <form method="dialog" class="stack">
      <h2>${title}</h2>
      <div class="muted">${children}</div>
      <div class="row">
        <button class=${classes("button", danger ? "danger" : "primary")} value="yes">${confirm}</button>
        <button class="button" value="no" autofocus>Cancel</button>
      </div>
    </form>
  </dialog>`;
}

/** A window over the page with something large in it; Escape closes it. */
export function Lightbox({ title, children, onClose }) {
  const element = useRef();
  useEffect(() => element.current.showModal(), []);
  return html`<dialog ref=${element} class="wide" onClose=${onClose} aria-label=${title}>
    <div class="stack">
      <div class="row"><h2 class="grow wrap">${title}</h2><${Button} icon="close" kind="quiet" aria-label="Close" onClick=${() => element.current.close()} /></div>
      ${children}
    </div>
  </dialog>`;
}

export function CopyText({ text, label = "Copy" }) {
  const copy = () =>
    navigator.clipboard.writeText(text).then(
      () => toast("Copied."),
      () => toast("The browser does not allow copying here; select the text instead.", { kind: "error" }),
    );
  return html`<${Button} icon="copy" kind="quiet" size="small" aria-label=${label} title=${label} onClick=${copy} />`;
}

export const Command = ({ text }) => html`<div class="command"><code>${text}</code><${CopyText} text=${text} label="Copy the command" /></div>`;
