// The frame: navigation, the running job, notices, and the page of the present address.

import { html, render, useEffect, useRef } from "./dom.js";
import { Icon } from "./icons.js";
import { isActive, jobLink, jobTitle, progressWords } from "./jobs.js";
import { Empty, Progress } from "./parts.js";
import { link, useRoute } from "./router.js";
import { connect, dismiss, loadState, useShared } from "./state.js";
import { bytes } from "./text.js";
import { Compare } from "./pages/compare.js";
import { Home } from "./pages/home.js";
import { JobPage } from "./pages/job.js";
import { Learn } from "./pages/learn.js";
import { NewTraining } from "./pages/new.js";
import { RunPage } from "./pages/run.js";
import { USES, Use } from "./pages/use.js";

const PAGES = { home: Home, new: NewTraining, run: RunPage, job: JobPage, use: Use, compare: Compare, learn: Learn };
const NAVIGATION = [
  ["home", "Home", "home"],
  ["new", "New training", "new"],
  ["use", "Use", "use"],
  ["compare", "Compare", "compare"],
  ["learn", "Learn", "learn"],
];

function Side({ route }) {
  const app = useShared((s) => s.app);
  const active = useShared((s) => s.jobs.find(isActive));
  const waiting = useShared((s) => s.jobs.filter((job) => job.state === "queued").length);
  const [page, sub = USES[0][0]] = route.parts;
  const current = { run: "home", job: "home" }[page] ?? page;
  return html`<header class="side">
    <a class="brand" href=${link(["home"])}><img src="/page/icon.svg" alt="" width="26" height="26" /><span>reverie <small>studio</small></span></a>
    <nav class="nav" aria-label="Pages">
      ${NAVIGATION.map(
        ([name, text, icon]) => html`<div key=${name}>
          <a href=${link([name])} aria-current=${current === name ? "page" : undefined}><${Icon} name=${icon} />${text}</a>
          ${name === "use" && page === "use" && html`<div class="sub">${USES.map(([key, title]) => html`<a key=${key} href=${link(["use", key])} aria-current=${sub === key ? "page" : undefined}>${title}</a>`)}</div>`}
        </div>`,
      )}
    </nav>
    <div class="side-foot">
      ${active &&
      html`<a class="side-job" href=${jobLink(active)}>
        <strong class="clip">${jobTitle(active)}</strong>
        <${Progress} value=${active.progress} label=${jobTitle(active)} thin />
        <span class="number">${active.state === "stopping" ? "stopping" : progressWords(active)}${waiting ? `, ${waiting} waiting` : ""}</span>
      </a>`}
      ${app &&
      html`<div>
        <div class="clip" title=${app.device}>${app.device}</div>
        <div class="clip" title=${app.home}>${app.home}</div>
        <div>${app.disk?.used != null ? `${bytes(app.disk.used)} used, ` : ""}${bytes(app.disk?.free)} free</div>
        <div>reverie ${app.version}</div>
      </div>`}
    </div>
  </header>`;
}

function Toasts() {
  const toasts = useShared((s) => s.toasts);
  return html`<div class="toasts" role="status" aria-live="polite">
    ${toasts.map(
      ({ id, text, kind, action, onAction }) => html`<div key=${id} class=${`toast ${kind}`}>
        <span class="grow">${text}</span>
        ${action && html`<button type="button" onClick=${() => { dismiss(id); onAction(); }}>${action}</button>`}
        <button type="button" aria-label="Close this notice" onClick=${() => dismiss(id)}><${Icon} name="close" size="16px" /></button>
      </div>`,
    )}
  </div>`;
}

const TITLES = { home: "Home", new: "New training", use: "Use", compare: "Compare", learn: "Learn", job: "Job" };

function App() {
  const route = useRoute();
  const app = useShared((s) => s.app);
  const denied = useShared((s) => s.denied);
  const connected = useShared((s) => s.connected);
  const trouble = useShared((s) => s.trouble);
  const content = useRef();
  const [page, ...rest] = route.parts;
  const place = route.parts.join("/");
  useEffect(() => {
    document.title = `${page === "run" ? rest[0] : (TITLES[page] ?? "Not found")} · reverie studio`;
    if (page !== "use" || rest.length < 2) scrollTo(0, 0);
  }, [place]);
  const Page = PAGES[page];
  return html`
    <a class="skip" href="#content" onClick=${(event) => { event.preventDefault(); content.current.focus(); }}>Skip to the content</a>
    <div class="frame">
      <${Side} route=${route} />
      <main class="main" id="content" tabindex="-1" ref=${content}>
        <div class="content">
          ${denied
            ? html`<${Empty} icon="warning" title="This browser has no access" level=${1}><p>Open the address that <code>reverie studio</code> printed in the terminal; it holds the token.</p></${Empty}>`
            : !app
              ? html`<${Waiting} />`
              : Page
                ? html`<${Page} key=${page === "run" || page === "job" ? place : page} args=${rest} query=${route.query} />`
                : html`<${Empty} icon="search" title="There is no such page" level=${1}><a href=${link(["home"])}>Home</a></${Empty}>`}
        </div>
      </main>
    </div>
    ${connected === false && !denied && html`<div class="offline" role="status"><${Icon} name="warning" size="18px" />No connection to the studio; trainings go on. Connecting again …</div>`}
    ${connected !== false && trouble && html`<div class="offline" role="status"><${Icon} name="warning" size="18px" />${trouble}</div>`}
    <${Toasts} />`;
}

/** Before the server's first answer, and while there is none. */
function Waiting() {
  useEffect(() => {
    const timer = setInterval(loadState, 3000);
    return () => clearInterval(timer);
  }, []);
  return html`<h1 class="unseen">reverie studio</h1><p class="muted" aria-live="polite">Connecting to the studio.</p>`;
}

render(html`<${App} />`, document.getElementById("app"));
connect();
