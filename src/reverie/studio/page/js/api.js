// Requests to the server. Every answer is JSON; an error has one sentence and, in forms, a field.

export class ApiError extends Error {
  constructor(status, message, field = null) {
    super(message);
    this.status = status;
    this.field = field;
  }
}

const OFFLINE = "The studio's server does not answer. Is `reverie studio` still running?";
const NO_TOKEN = "This browser has no access. Open the address that `reverie studio` printed in the terminal.";

async function request(method, path, body, signal) {
  const options = { method, credentials: "same-origin", headers: { Accept: "application/json" }, signal };
  if (body instanceof FormData) options.body = body;
  else if (body !== undefined) {
    options.body = JSON.stringify(body);
    options.headers["Content-Type"] = "application/json";
  }
  let response;
  try {
    response = await fetch(path, options);
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new ApiError(0, OFFLINE);
  }
  const content = await response.json().catch(() => null);
  if (response.ok) return content;
  if (response.status === 401) throw new ApiError(401, NO_TOKEN);
  throw new ApiError(response.status, content?.error ?? `The server answered with status ${response.status}.`, content?.field ?? null);
}

const get = (path, signal) => request("GET", path, undefined, signal);
const post = (path, body = {}, signal) => request("POST", path, body, signal);
const segment = encodeURIComponent;

export const api = {
  state: () => get("/api/state"),
  verb: (verb, query = {}) => {
    const given = Object.entries(query).filter(([, value]) => value);
    const search = new URLSearchParams(given).toString();
    return get(`/api/verbs/${segment(verb)}${search && "?" + search}`);
  },
  check: (verb, options, signal) => post("/api/check", { verb, options }, signal),
  estimate: (options) => post("/api/estimate", { verb: "train", options }),
  start: (verb, options) => post("/api/jobs", { verb, options }),
  job: (id) => get(`/api/jobs/${segment(id)}`),
  stop: (id) => post(`/api/jobs/${segment(id)}/stop`),
  resume: (id) => post(`/api/jobs/${segment(id)}/resume`),
  remove: (id) => post(`/api/jobs/${segment(id)}/remove`),
  order: (ids) => post("/api/jobs/order", { ids }),
  runs: (offset = 0, limit = 60, search = "") => get(`/api/runs?${new URLSearchParams({ offset, limit, search })}`),
  run: async (name) => {
    const run = await get(`/api/runs/${segment(name)}`);
    if (!run.method) throw new ApiError(404, "This training has not begun yet.");
    return run;
  },
  trash: (name) => post(`/api/runs/${segment(name)}/trash`),
  restore: (undo) => post("/api/trash/restore", { undo }),
  folder: (path, offset = 0, limit = 200) => get(`/api/folder?${new URLSearchParams({ path, offset, limit })}`),
  sample: (body) => post("/api/sample", body),
  translate: (body) => post("/api/translate", body),
  upscale: (body) => post("/api/upscale", body),
  edit: (body, signal) => post("/api/edit", body, signal),
  directions: (model) => post("/api/directions", { model }),
  latent: (model, points, signal) => post("/api/latent", { model, points }, signal),
  drawn: (model, image, signal) => post("/api/drawn", { model, image }, signal),
};

/** Uploads files with a progress callback (fraction sent); a zip is unpacked by the server. */
export function upload(files, { folder, onProgress } = {}) {
  const form = new FormData();
  if (folder) form.append("folder", folder);
  for (const file of files) form.append("files", file, file.name);
  return new Promise((resolve, reject) => {
    const sent = new XMLHttpRequest();
    sent.open("POST", "/api/uploads");
    sent.responseType = "json";
    sent.upload.onprogress = (event) => event.lengthComputable && onProgress?.(event.loaded / event.total);
    sent.onerror = () => reject(new ApiError(0, OFFLINE));
    sent.onload = () => {
      if (sent.status < 300) resolve(sent.response);
      else if (sent.status === 401) reject(new ApiError(401, NO_TOKEN));
      else reject(new ApiError(sent.status, sent.response?.error ?? `The upload was refused with status ${sent.status}.`, sent.response?.field));
    };
    sent.send(form);
  });
}

/** Address of a file in the home folder; with `thumb`, of a smaller copy of an image. */
export function fileUrl(path, { thumb, version } = {}) {
  const address = "/api/files/" + path.split("/").map(segment).join("/");
  const query = new URLSearchParams();
  if (thumb) query.set("thumb", thumb);
  if (version) query.set("v", version);
  const search = query.toString();
  return search ? `${address}?${search}` : address;
}
