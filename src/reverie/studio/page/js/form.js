// Forms from JSON schemas: one field for each option, with its help, default, bounds and error.

import { html } from "./dom.js";
import { label, shown } from "./text.js";

const withoutNull = (schema) => (schema.anyOf ? (schema.anyOf.find((one) => one.type !== "null") ?? schema) : schema);
export const optional = (schema) => Boolean(schema.anyOf?.some((one) => one.type === "null"));

/** What a field's text stands for; undefined for "as the default". */
export function parsed(schema, text) {
  const kind = withoutNull(schema);
  if (typeof text === "boolean") return text;
  const words = String(text).trim();
  if (words === "") return undefined;
  if (kind.type === "integer" || kind.type === "number") return Number.isNaN(Number(words)) ? words : Number(words);
  if (kind.type === "array") {
    const inner = withoutNull(kind.items ?? kind.prefixItems?.[0] ?? {});
    return words.split(/[\s,]+/).map((word) => (["integer", "number"].includes(inner.type) && !Number.isNaN(Number(word)) ? Number(word) : word));
  }
  return words;
}

/** The options of a form: what was typed, without what is as the default. */
export function optionsOf(properties, values) {
  const options = {};
  for (const [name, text] of Object.entries(values)) {
    if (!(name in properties)) continue;
    const value = parsed(properties[name], text);
    if (value !== undefined && JSON.stringify(value) !== JSON.stringify(properties[name].default)) options[name] = value;
  }
  return options;
}

export function Field({ name, schema, value, error, onChange }) {
  const kind = withoutNull(schema);
  const id = `option-${name}`;
  const placeholder = schema.default == null ? "" : shown(schema.default);
  const common = { id, "aria-invalid": error ? "true" : null, "aria-describedby": `${id}-help` };
  let input;
  if (kind.type === "boolean")
    input = html`<span class="row"><input ...${common} type="checkbox" checked=${value ?? schema.default ?? false} onChange=${(e) => onChange(e.target.checked)} /></span>`;
  else if (kind.enum)
    input = html`<select ...${common} value=${value ?? ""} onChange=${(e) => onChange(e.target.value)}>
      <option value="">${placeholder || "as by default"}</option>
      ${kind.enum.filter((one) => one !== schema.default).map((one) => html`<option value=${one}>${one}</option>`)}
    </select>`;
  else
    input = html`<input ...${common} value=${value ?? ""} placeholder=${placeholder} autocomplete="off"
      inputmode=${kind.type === "integer" ? "numeric" : kind.type === "number" ? "decimal" : null} onInput=${(e) => onChange(e.target.value)} />`;
  return html`<div class="field">
    <label for=${id}>${label(name)}</label>${input}
    ${error && html`<span class="error" role="alert">${error}</span>`}
    <span class="help" id=${`${id}-help`}>${schema.description}</span>
  </div>`;
}

export function Fields({ properties, names, values, problem, onChange }) {
  return html`<div class="fields">
    ${names.map((name) => html`<${Field} key=${name} name=${name} schema=${properties[name]} value=${values[name]}
      error=${problem?.field === name ? problem.message : null} onChange=${(value) => onChange({ [name]: value })} />`)}
  </div>`;
}
