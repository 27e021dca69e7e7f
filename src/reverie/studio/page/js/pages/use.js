// Use: what trained and shipped models can do, one tab for each.

import { html } from "../dom.js";
import { Empty } from "../parts.js";
import { link } from "../router.js";
import { Dream } from "./use_dream.js";
import { Inpaint } from "./use_inpaint.js";
import { Latents } from "./use_latents.js";
import { Sample } from "./use_sample.js";
import { Translate, Upscale } from "./use_pairs.js";

export const USES = [
  ["sample", "Sample", Sample, "Images from noise. Image i depends on seed + i alone."],
  ["translate", "Translate", Translate, "Your images in another domain."],
  ["upscale", "Upscale", Upscale, "Larger images with plausible detail."],
  ["dream", "Dream", Dream, "Gradient ascent on an image, towards the activations of a network."],
  ["latents", "Faces and latents", Latents, "Attributes, arithmetic and interpolation in latent space."],
  ["inpaint", "Inpaint", Inpaint, "Paint over a part of an image; a diffusion model regenerates it."],
];

export function Use({ args, query }) {
  const [name = "sample"] = args;
  const found = USES.find(([key]) => key === name);
  if (!found) return html`<${Empty} icon="search" title="There is no such page" level=${1}><a href=${link(["use", "sample"])}>Sample</a></${Empty}>`;
  const [, title, Page, about] = found;
  return html`
    <nav class="tabs small-only" aria-label="Uses">${USES.map(([key, text]) => html`<a key=${key} href=${link(["use", key])} aria-current=${key === name ? "page" : undefined}>${text}</a>`)}</nav>
    <div class="page-head"><div class="grow"><h1>${title}</h1><p>${about}</p></div></div>
    <${Page} key=${name} query=${query} />`;
}
