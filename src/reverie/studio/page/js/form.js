// Forms from JSON schema: one field for each property, with its help, default, choices and error.
// A form keeps only the values that were changed; what is not changed is left to the server.

import { classes, html, useEffect, useId, useMemo, useRef, useState } from "./dom.js";
import { api } from "./api.js";
import { Icon } from "./icons.js";
import { SearchField } from "./parts.js";
import { label, shown } from "./text.js";

/** The kind of value that a property has: its schema without null. */
export function kindOf(property) {
  const choices = property.anyOf ?? property.oneOf;
  if (choices) return choices.find((one) => one.type !== "null") ?? {};
  if (Array.isArray(property.type)) return { ...property, type: property.type.find((one) => one !== "null") };
  return property;
}

const isNumber = (kind) => kind.type === "integer" || kind.type === "number";
const itemOf = (kind) => kindOf(kind.items ?? kind.prefixItems?.[0] ?? {});

/** What the text of a field stands for. A text that is no number stays text: the server says what is wrong. */
function parsed(kind, text) {
  const words = text.trim();
  if (kind.type === "array") {
    const item = itemOf(kind);
    return words === "" ? [] : words.split(isNumber(item) ? /[\s,]+/ : /\s+/).map((word) => parsed(item, word));
  }
  if (isNumber(kind) && words !== "" && Number.isFinite(Number(words))) return Number(words);
  return words;
}

const asText = (value) => (value == null ? "" : Array.isArray(value) ? value.join(" ") : String(value));
const same = (a, b) => JSON.stringify(a) === JSON.stringify(b);

/** The changed values with those that a schema does not have left out. */
export function valuesFor(schema, values) {
  return Object.fromEntries(Object.entries(values).filter(([name]) => name in schema.properties));
}

export function Field({ name, property, value, error, onChange, title }) {
  const id = useId();
  const kind = kindOf(property);
  const given = value !== undefined;
  const now = given ? value : property.default;
  const set = (next) => onChange(name, same(next, property.default ?? null) || (next === "" && property.default == null) ? undefined : next);
  const described = `${id}-more`;
  const shared = { id, "aria-invalid": error ? "true" : undefined, "aria-describedby": described };
  let input;
  let grouped = false;
  if (kind.type === "boolean")
    input = html`<label class="check"><input type="checkbox" ...${shared} checked=${Boolean(now)} onChange=${(event) => set(event.target.checked)} />${now ? "On" : "Off"}</label>`;
  else if (kind.enum) input = html`<${Choice} shared=${shared} property=${property} kind=${kind} value=${now} onChange=${set} />`;
  else if (kind.type === "array" && itemOf(kind).enum) {
    grouped = true;
    const chosen = now ?? [];
    input = html`<div class="row wide" role="group" aria-labelledby=${`${id}-label`}>
      ${itemOf(kind).enum.map(
        (option) => html`<label class="check" key=${option}><input type="checkbox" checked=${chosen.includes(option)}
          onChange=${(event) => set(event.target.checked ? [...chosen, option] : chosen.filter((one) => one !== option))} />${option}</label>`,
      )}
    </div>`;
  } else input = html`<${Text} shared=${shared} kind=${kind} value=${now} onChange=${set} placeholder=${property.default == null ? placeholder(kind) : ""} />`;
  const Label = grouped || kind.type === "boolean" ? "div" : "label";
  return html`<div class="field" data-field=${name}>
    <div class="label-row"><${Label} class="label" id=${`${id}-label`} for=${Label === "label" ? id : undefined}>${title ?? label(name)}</${Label}>
      ${given && html`<button type="button" class="reset" onClick=${() => onChange(name, undefined)} title=${`Back to ${shown(property.default)}`}>reset</button>`}</div>
    ${input}
    <div id=${described} class="stack tight">
      ${error && html`<p class="error" role="alert">${error}</p>`}
      ${property.description && html`<p class="help">${property.description}</p>`}
    </div>
  </div>`;
}

function placeholder(kind) {
  if (kind.type === "array") return isNumber(itemOf(kind)) ? "numbers, with spaces between" : "words, with spaces between";
  return "not set";
}

function Choice({ shared, property, kind, value, onChange }) {
  const options = kind.enum.map((one) => [String(one), one]);
  if (property.default == null && !kind.enum.includes(null)) options.unshift(["", null]);
  return html`<select ...${shared} value=${asText(value)} onChange=${(event) => onChange(options.find(([text]) => text === event.target.value)?.[1] ?? null)}>
    ${options.map(([text]) => html`<option key=${text} value=${text} selected=${text === asText(value)}>${text || "not set"}</option>`)}
  </select>`;
}

/** A text field that keeps what is typed ("1e-" on the way to "1e-4") while the value follows. */
function Text({ shared, kind, value, onChange, placeholder }) {
  const [typed, setTyped] = useState(asText(value));
  useEffect(() => {
    if (!same(parsed(kind, typed), parsed(kind, asText(value)))) setTyped(asText(value));
  }, [asText(value)]);
  const input = (event) => {
    setTyped(event.target.value);
    onChange(parsed(kind, event.target.value));
  };
  const arrows = (event) => {
    if (kind.type !== "integer" || !["ArrowUp", "ArrowDown"].includes(event.key)) return;
    const number = Number(typed);
    if (typed.trim() === "" || !Number.isInteger(number)) return;
    event.preventDefault();
    onChange(number + (event.key === "ArrowUp" ? 1 : -1));
  };
  return html`<input type="text" ...${shared} value=${typed} placeholder=${placeholder} autocomplete="off" spellcheck=${false}
    inputmode=${kind.type === "integer" ? "numeric" : kind.type === "number" ? "decimal" : undefined} onInput=${input} onKeyDown=${arrows} />`;
}

export function Fields({ schema, names, values, errors, onChange, titles = {} }) {
  return html`<div class="fields">
    ${names
      .filter((name) => name in schema.properties)
      .map((name) => html`<${Field} key=${name} name=${name} title=${titles[name]} property=${schema.properties[name]} value=${values[name]} error=${errors?.[name]} onChange=${onChange} />`)}
  </div>`;
}

/** The options that most people leave alone, by group, with a search; open when one of them has an error. */
export function MoreOptions({ schema, names, values, errors, onChange, summary = "More options" }) {
  const [search, setSearch] = useState("");
  const [open, setOpen] = useState(false);
  const wrong = names.some((name) => errors?.[name]);
  const changed = names.filter((name) => values[name] !== undefined).length;
  const words = search.toLowerCase().split(/\s+/).filter(Boolean);
  const found = names.filter((name) => {
    const text = `${name} ${label(name)} ${schema.properties[name].description ?? ""}`.toLowerCase();
    return words.every((word) => text.includes(word));
  });
  const groups = useMemo(() => {
    const byGroup = new Map();
    for (const name of found) {
      const group = schema.properties[name]["x-group"] ?? "Options";
      byGroup.set(group, [...(byGroup.get(group) ?? []), name]);
    }
    return [...byGroup];
  }, [schema, search, names.join()]);
  if (!names.length) return null;
  return html`<details open=${open || wrong} onToggle=${(event) => setOpen(event.target.open)}>
    <summary>${summary} <span class="muted">(${names.length}${changed ? `, ${changed} changed` : ""})</span></summary>
    ${(open || wrong) &&
    html`<div class="stack" style=${{ paddingTop: "14px", gap: "22px" }}>
      ${names.length > 8 && html`<${SearchField} label="Search the options" value=${search} onInput=${(event) => setSearch(event.target.value)} />`}
      ${found.length === 0 && html`<p class="muted">No option has these words in its name or description.</p>`}
      ${groups.map(
        ([group, members]) => html`<fieldset key=${group} class="stack"><legend class="small muted" style=${{ padding: "0 0 10px" }}>${group}</legend>
          <${Fields} schema=${schema} names=${members} values=${values} errors=${errors} onChange=${onChange} /></fieldset>`,
      )}
    </div>`}
  </details>`;
}

/** Asks the server, shortly after the last change, whether these options can be started.
    Returns { command, errors: {field: sentence}, error: sentence without a field, checking }. */
export function useCheck(verb, options, enabled = true) {
  const [found, setFound] = useState({ command: null, errors: {}, error: null, checking: true });
  const text = JSON.stringify([verb, options, enabled]);
  const running = useRef(null);
  useEffect(() => {
    if (!enabled) return;
    setFound((old) => ({ ...old, checking: true }));
    const timer = setTimeout(async () => {
      running.current?.abort();
      const mine = (running.current = new AbortController());
      try {
        const answer = await api.check(verb, options, mine.signal);
        if (answer.ok === false) setFound({ command: null, ...problemOf({ field: answer.field, message: answer.error }), checking: false });
        else setFound({ command: answer.command, errors: {}, error: null, checking: false });
      } catch (error) {
        if (error.name !== "AbortError") setFound({ command: null, ...problemOf(error), checking: false });
      }
    }, 350);
    return () => clearTimeout(timer);
  }, [text]);
  useEffect(() => () => running.current?.abort(), []);
  return found;
}

export const problemOf = (error) =>
  error.field ? { errors: { [error.field]: error.message }, error: null } : { errors: {}, error: error.message };

/** The one sentence of a problem whose field is not among those that are shown. */
export function OtherError({ check, shown: names }) {
  const [field, sentence] = Object.entries(check.errors)[0] ?? [null, check.error];
  if (!sentence || (field && names.includes(field))) return null;
  return html`<p class=${classes("notice", "bad")} role="alert"><${Icon} name="warning" /><span class="grow">${sentence}</span></p>`;
}
