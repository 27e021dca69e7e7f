// Numbers, times and names as people read them.

/** 75 → "1 min 15 s". Rounded so that it does not flicker: seconds only below ten minutes. */
export function duration(seconds) {
  if (seconds == null || !Number.isFinite(seconds)) return "–";
  const s = Math.max(0, Math.round(seconds));
  if (s < 60) return `${s} s`;
  if (s < 600) return s % 60 ? `${Math.floor(s / 60)} min ${s % 60} s` : `${s / 60} min`;
  if (s < 5400) return `${Math.round(s / 60)} min`;
  if (s < 172800) return `${Math.floor(s / 3600)} h ${Math.round((s % 3600) / 60)} min`;
  return `${Math.round(s / 86400)} days`;
}

/** How long ago, from unix seconds. */
export function ago(time) {
  if (!time) return "";
  const s = Date.now() / 1000 - time;
  if (s < 60) return "just now";
  if (s < 3600) return `${Math.floor(s / 60)} min ago`;
  if (s < 86400) return `${Math.floor(s / 3600)} h ago`;
  const days = Math.floor(s / 86400);
  if (days < 14) return days === 1 ? "yesterday" : `${days} days ago`;
  return new Date(time * 1000).toLocaleDateString(undefined, { year: "numeric", month: "short", day: "numeric" });
}

export const moment = (time) => (time ? new Date(time * 1000).toLocaleString() : "");

export function bytes(count) {
  if (count == null) return "–";
  const units = ["B", "kB", "MB", "GB", "TB"];
  let value = count;
  let unit = 0;
  while (value >= 1000 && unit < units.length - 1) {
    value /= 1000;
    unit += 1;
  }
  return `${value < 10 && unit ? value.toFixed(1) : Math.round(value)} ${units[unit]}`;
}

/** The whole number that a text is, or the text: the server then says what is wrong with it. */
export const wholeNumber = (text) => (/^-?\d+$/.test(String(text).trim()) && Number.isSafeInteger(Number(text)) ? Number(text) : String(text).trim());

export const integer = (value) => (value == null ? "–" : Number(value).toLocaleString("en"));

/** A measured value with three or four significant digits. */
export function figure(value) {
  if (typeof value !== "number" || !Number.isFinite(value)) return value == null ? "–" : String(value);
  if (Number.isInteger(value)) return value.toLocaleString("en");
  const size = Math.abs(value);
  if (size !== 0 && (size >= 1e6 || size < 1e-4)) return value.toExponential(2);
  return String(Number(value.toPrecision(size >= 1000 ? 5 : size >= 1 ? 4 : 3)));
}

export const percent = (fraction) => (fraction == null ? "–" : `${Math.floor(100 * Math.min(1, Math.max(0, fraction)))} %`);

/** image_size → "Image size". */
export function label(name) {
  const words = name.replaceAll("_", " ");
  return words[0].toUpperCase() + words.slice(1);
}

export const capital = (text) => (text ? text[0].toUpperCase() + text.slice(1) : "");
/** A phrase as a sentence: a capital first, a full stop last. */
export const sentence = (text) => (text ? capital(text).replace(/[^.!?…]$/, "$&.") : "");
export const baseName = (path) => String(path).split("/").filter(Boolean).pop() ?? "";
export const count = (n, one, many = `${one}s`) => `${integer(n)} ${n === 1 ? one : many}`;

/** A value of an option in one line. */
export function shown(value) {
  if (value == null || value === "") return "–";
  if (value === true) return "on";
  if (value === false) return "off";
  if (Array.isArray(value)) return value.length ? value.map(shown).join(" ") : "–";
  if (typeof value === "object") return JSON.stringify(value);
  return typeof value === "number" ? String(value) : value;
}

/** A folder name under outputs/ that no earlier work has used. */
export function outputFolder(verb) {
  const now = new Date();
  const two = (n) => String(n).padStart(2, "0");
  const day = `${now.getFullYear()}${two(now.getMonth() + 1)}${two(now.getDate())}`;
  const clock = `${two(now.getHours())}${two(now.getMinutes())}${two(now.getSeconds())}`;
  return `outputs/${verb}-${day}-${clock}-${Math.floor(Math.random() * 1296).toString(36).padStart(2, "0")}`;
}
