// Which models can do something: trained runs and the models that come with the package.

import { api } from "./api.js";
import { html, useEffect } from "./dom.js";
import { Empty, LinkButton, SelectField } from "./parts.js";
import { link } from "./router.js";
import { useRequest, useShared } from "./state.js";
import { baseName } from "./text.js";

/** Models with a capability, the shipped ones last: { models, loading, error }. There are none until
    the runs are known: a shipped model shown before them would be chosen in their place. */
export function useModels(capability, fits = () => true) {
  const app = useShared((s) => s.app);
  const changes = useShared((s) => s.changes);
  const answer = useRequest(() => api.runs(0, 500), [Object.keys(changes).length]);
  const loading = answer.data == null && !answer.error;
  if (loading) return { models: [], loading, error: null };
  const runs = (answer.data?.runs ?? [])
    .filter((run) => run.capabilities.includes(capability) && (run.has_model ?? run.step > 0) && fits(run))
    .map((run) => ({ value: run.path, text: `${run.name} (${run.method}${run.data ? `, ${baseName(run.data)}` : ""})`, run }));
  const shipped = (app?.shipped ?? [])
    .filter((model) => model.capabilities.includes(capability) && fits(model))
    .map((model) => ({ value: model.name, text: `${model.name} (comes with reverie)`, run: null, shipped: model }));
  return { models: [...runs, ...shipped], loading, error: answer.error };
}

/** Details of a model: classes and size. Shipped models may tell them in the state. */
export function useModelDetails(model) {
  const app = useShared((s) => s.app);
  const shipped = app?.shipped.find((one) => one.name === model);
  const answer = useRequest(() => (model?.startsWith("runs/") ? api.run(baseName(model)) : Promise.resolve(null)), [model]);
  return answer.data ?? shipped ?? null;
}

export function ModelPicker({ models, value, onChange, label = "Model", help }) {
  const known = models.some((one) => one.value === value);
  useEffect(() => {
    if (!known && models.length) onChange(models[0].value);
  }, [known, models.length]);
  return html`<${SelectField} label=${label} value=${known ? value : models[0]?.value} options=${models.map((one) => [one.value, one.text])} onChange=${onChange} help=${help} />`;
}

export const NoModel = ({ what, task }) => html`<${Empty} icon="use" title=${`No model that can ${what} yet`}>
  <p>Train one on your own images; it appears here as soon as it has a model.</p>
  <${LinkButton} kind="primary" icon="new" href=${link(["new"], { task })}>New training</${LinkButton}>
</${Empty}>`;
