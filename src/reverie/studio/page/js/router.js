// Hash routes: #/use/sample?model=runs%2Fa → { parts: ["use", "sample"], query: { model: "runs/a" } }.

import { useEffect, useState } from "./dom.js";

function current() {
  const [path, search = ""] = location.hash.replace(/^#\/?/, "").split("?");
  const parts = path.split("/").filter(Boolean).map(decoded);
  return { parts: parts.length ? parts : ["home"], query: Object.fromEntries(new URLSearchParams(search)) };
}

function decoded(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

export function link(parts, query = {}) {
  const given = Object.entries(query).filter(([, value]) => value != null && value !== "");
  const search = new URLSearchParams(given).toString();
  return `#/${parts.map(encodeURIComponent).join("/")}${search && "?" + search}`;
}

export const go = (parts, query) => {
  location.hash = link(parts, query);
};

/** Replaces the present address without a new entry in the browser's history. */
export const replace = (parts, query) => {
  history.replaceState(null, "", link(parts, query));
  dispatchEvent(new HashChangeEvent("hashchange"));
};

export function useRoute() {
  const [route, setRoute] = useState(current);
  useEffect(() => {
    const changed = () => setRoute(current());
    addEventListener("hashchange", changed);
    return () => removeEventListener("hashchange", changed);
  }, []);
  return route;
}
