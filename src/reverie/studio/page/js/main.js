// The frame of the page: navigation, notices, and the page of the present address.

import { html, render, useEffect } from "./dom.js";
import { Icon } from "./icons.js";
import { Home } from "./pages/home.js";
import { NewTraining } from "./pages/new.js";
import { Run } from "./pages/run.js";
import { Use } from "./pages/use.js";
import { link, useRoute } from "./router.js";
import { connect, dismiss, useShared } from "./state.js";
import { bytes } from "./text.js";

const PAGES = {
  home: ["Home", "home", Home],
  new: ["New training", "new", NewTraining],
  use: ["Use", "use", Use],
};

function Navigation({ at }) {
  const app = useShared((s) => s.app);
  return html`<nav class="side" aria-label="Pages">
    <div class="brand">reverie</div>
    ${Object.entries(PAGES).map(
      ([name, [title, icon]]) => html`<a href=${link([name])} aria-current=${at === name ? "page" : null} aria-label=${title}>
        <${Icon} name=${icon} /><span>${title}</span></a>`,
    )}
    ${app && html`<div class="foot"><div>${app.device}</div><div>${bytes(app.disk.used)} used, ${bytes(app.disk.free)} free</div><div title="the studio's home">${app.home}</div></div>`}
  </nav>`;
}

function Toasts() {
  const toasts = useShared((s) => s.toasts);
  return html`<div class="toasts" role="status" aria-live="polite">
    ${toasts.map(
      (one) => html`<div key=${one.id} class="toast ${one.kind}">
        <span class="grow">${one.text}</span>
        ${one.action && html`<button onClick=${() => (one.onAction(), dismiss(one.id))}>${one.action}</button>`}
        <button class="plain" aria-label="Close" onClick=${() => dismiss(one.id)}><${Icon} name="close" size="1em" /></button>
      </div>`,
    )}
  </div>`;
}

function Page() {
  const { parts, query } = useRoute();
  const denied = useShared((s) => s.denied);
  const app = useShared((s) => s.app);
  const connected = useShared((s) => s.connected);
  useEffect(() => void connect(), []);
  const name = parts[0];
  useEffect(() => {
    document.title = `${parts[0] === "run" ? parts[1] : (PAGES[name]?.[0] ?? "reverie")} · reverie studio`;
  }, [parts.join("/")]);
  if (denied)
    return html`<main><h1>reverie studio</h1><p>This browser has no access. Open the address that <code>reverie studio</code> printed in the terminal: it holds the token.</p></main>`;
  const Shown = name === "run" ? Run : (PAGES[name]?.[2] ?? Home);
  return html`<div class="shell">
    <${Navigation} at=${name} />
    <div>
      ${connected === false && html`<div class="offline" role="alert">The connection to the studio is lost. Trainings go on; this page connects again by itself.</div>`}
      <main>${app ? html`<${Shown} key=${parts.join("/")} parts=${parts} query=${query} app=${app} />` : html`<p class="muted">Loading the methods, up to ten seconds after a start …</p>`}</main>
    </div>
    <${Toasts} />
  </div>`;
}

render(html`<${Page} />`, document.getElementById("app"));
