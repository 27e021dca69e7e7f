// What all pages share: the server's state, jobs and runs, kept current by server-sent events.
// The server is the only source of truth; the page keeps form drafts and its own last results.

import { api } from "./api.js";
import { useEffect, useRef, useState } from "./dom.js";

const shared = {
  app: null, // GET /api/state
  denied: false, // no token
  connected: null, // null until the first answer
  jobs: [], // newest first
  runs: null, // the runs of Home, newest first
  runsTotal: 0,
  runsSearch: "",
  runsError: null,
  trouble: null, // what keeps the queue from going on
  changes: {}, // run name → how many times it has changed since the page opened
  toasts: [],
};

const listeners = new Set();

function set(part) {
  Object.assign(shared, part);
  for (const listener of [...listeners]) listener();
}

/** A value computed from the shared state; the component is drawn again when it changes. */
export function useShared(select) {
  const [, redraw] = useState(0);
  const latest = useRef();
  latest.current = { select, value: select(shared) };
  useEffect(() => {
    const listener = () => {
      const next = latest.current.select(shared);
      if (!Object.is(next, latest.current.value)) {
        latest.current.value = next;
        redraw((n) => n + 1);
      }
    };
    listeners.add(listener);
    listener();
    return () => listeners.delete(listener);
  }, []);
  return latest.current.value;
}

// ---- server-sent events

let source = null;
let retry = 0;

function withJob(job) {
  const at = shared.jobs.findIndex((other) => other.id === job.id);
  return at < 0 ? [job, ...shared.jobs] : shared.jobs.with(at, job);
}

function listen() {
  source = new EventSource("/api/events");
  const on = (name, handle) => source.addEventListener(name, (event) => handle(event.data ? JSON.parse(event.data) : {}));
  source.onopen = () => {
    if (retry > 0) {
      loadState();
      if (shared.runs) loadRuns();
    }
    retry = 0;
    set({ connected: true });
  };
  source.onerror = () => {
    set({ connected: false });
    if (source.readyState !== EventSource.CLOSED) {
      retry = Math.max(1, retry); // the browser reconnects by itself
      return;
    }
    source.close();
    retry = Math.min(retry + 1, 6);
    setTimeout(listen, 500 * 2 ** retry);
  };
  on("jobs", ({ jobs }) => set({ jobs }));
  on("job", (job) => set({ jobs: withJob(job) }));
  on("trouble", ({ message }) => set({ trouble: message }));
  on("removed", ({ id }) => set({ jobs: shared.jobs.filter((job) => job.id !== id) }));
  on("runs", ({ names }) => {
    const changes = { ...shared.changes };
    for (const name of names ?? []) changes[name] = (changes[name] ?? 0) + 1;
    set({ changes });
    if (shared.runs) soon(loadRuns);
  });
  on("trash", () => shared.runs && soon(loadRuns));
}

let waiting = null;
function soon(work) {
  waiting ??= setTimeout(() => {
    waiting = null;
    work();
  }, 800);
}

export async function loadState() {
  try {
    set({ app: await api.state(), denied: false });
  } catch (error) {
    set({ denied: error.status === 401 });
  }
}

export async function loadRuns({ search = shared.runsSearch, more = false } = {}) {
  const limit = search === shared.runsSearch ? Math.max(60, (shared.runs?.length ?? 0) + (more ? 60 : 0)) : 60;
  set({ runsSearch: search });
  try {
    const { runs, total } = await api.runs(0, limit, search);
    if (search === shared.runsSearch) set({ runs, runsTotal: total, runsError: null });
  } catch (error) {
    set({ runsError: error.message });
  }
}

export async function connect() {
  await loadState();
  if (!shared.denied) listen();
}

/** Adopts a job that an answer told about, before its first event comes. */
export const adoptJob = (job) => set({ jobs: withJob(job) });

export const useJob = (id) => useShared((s) => (id ? s.jobs.find((job) => job.id === id) : undefined) ?? null);

// ---- toasts: short notices, some with an undo

let nextToast = 1;

export function toast(text, { kind = "note", action, onAction, seconds = 6 } = {}) {
  const id = nextToast++;
  set({ toasts: [...shared.toasts.slice(-3), { id, text, kind, action, onAction }] });
  if (seconds) setTimeout(() => dismiss(id), 1000 * seconds);
}

export const dismiss = (id) => set({ toasts: shared.toasts.filter((other) => other.id !== id) });
export const complain = (error) => error.name !== "AbortError" && toast(error.message, { kind: "error", seconds: 12 });

// ---- drafts: what a form holds survives a refresh

const unwritten = new Map();

function read(key, fallback) {
  if (unwritten.has(key)) return unwritten.get(key);
  try {
    return JSON.parse(localStorage.getItem(`reverie:${key}`)) ?? fallback;
  } catch {
    return fallback;
  }
}

function writeDrafts() {
  for (const [key, value] of unwritten) {
    try {
      localStorage.setItem(`reverie:${key}`, JSON.stringify(value));
    } catch {
      // storage is full or forbidden: the form works, but is not remembered
    }
  }
  unwritten.clear();
}
addEventListener("pagehide", writeDrafts);

/** Writes soon, so that a slider does not write at each of its steps. */
function writeDraft(key, value) {
  if (!unwritten.size) setTimeout(writeDrafts, 200);
  unwritten.set(key, value);
}

/** Like useState with an object, kept in localStorage; the setter takes a part of it. */
export function useDraft(key, initial) {
  const [value, setValue] = useState(() => ({ ...initial, ...read(key, {}) }));
  const update = (part) =>
    setValue((old) => {
      const next = { ...old, ...(typeof part === "function" ? part(old) : part) };
      writeDraft(key, next);
      return next;
    });
  return [value, update];
}

/** The result of a request, asked again when `inputs` change. */
export function useRequest(ask, inputs) {
  const [answer, setAnswer] = useState({ data: null, error: null, loading: true });
  const turn = useRef(0);
  const again = () => {
    const mine = ++turn.current;
    setAnswer((old) => ({ ...old, loading: true }));
    Promise.resolve()
      .then(ask)
      .then(
        (data) => mine === turn.current && setAnswer({ data, error: null, loading: false }),
        (error) => mine === turn.current && setAnswer((old) => ({ data: old.data, error, loading: false })),
      );
  };
  useEffect(again, inputs);
  return { ...answer, again };
}

/** Sends the newest request only, one at a time: [busy, error, ask]. */
export function useLatest(work) {
  const waiting = useRef(null);
  const running = useRef(false);
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState(null);
  const ask = async (input) => {
    waiting.current = { input };
    if (running.current) return;
    running.current = true;
    setBusy(true);
    while (waiting.current) {
      const next = waiting.current.input;
      waiting.current = null;
      try {
        await work(next);
        setError(null);
      } catch (failure) {
        setError(failure.message);
      }
    }
    running.current = false;
    setBusy(false);
  };
  return [busy, error, ask];
}
