// A small diagram for each kind of method: data as circles, networks as boxes.

import { h } from "./dom.js";

const SCHEMES = {
  vae: ["(x)", "[E]", "(z)", "[D]", "(x̂)"],
  gan: ["(z)", "[G]", "(x)", "[D]"],
  dcgan: ["(z)", "[G]", "(x)", "[D]"],
  cgan: ["(z,y)", "[G]", "(x)", "[D]"],
  diffusion: ["(xₜ)", "[D]", "(x₁)", "[D]", "(x₀)"],
  cyclegan: ["(A)", "[G]", "(B)", "[F]", "(A)"],
  cut: ["(A)", "[G]", "(B)"],
  pix2pix: ["(A)", "[U]", "(B)", "[D]"],
  srresnet: ["(x)", "[G]", "(4x)"],
  srgan: ["(x)", "[G]", "(4x)", "[D]"],
  esrgan: ["(x)", "[G]", "(4x)", "[D]"],
  encoder: ["(x)", "[E]", "(z)", "[G]"],
};
const OF_TASK = { generate: ["(z)", "[G]", "(x)"], translate: ["(A)", "[G]", "(B)"], upscale: ["(x)", "[G]", "(4x)"], latent: ["(x)", "[E]", "(z)"] };

export function Scheme({ method, task }) {
  const parts = SCHEMES[method] ?? OF_TASK[task] ?? OF_TASK.generate;
  const pitch = 40;
  const shapes = [];
  parts.forEach((part, n) => {
    const x = 17 + n * pitch;
    const data = part[0] === "(";
    if (n) shapes.push(h("path", { d: `M${x - pitch + 16} 19h${pitch - 33}m-4 -3.500l4 3.500l-4 3.500` }));
    shapes.push(data ? h("circle", { cx: x, cy: 19, r: 15 }) : h("rect", { x: x - 15, y: 5, width: 30, height: 28, rx: 5, fill: "currentColor", "fill-opacity": 0.12 }));
    shapes.push(h("text", { x, y: 23, "text-anchor": "middle", "font-size": part.length > 4 ? 10 : 12, stroke: "none", fill: "currentColor" }, part.slice(1, -1)));
  });
  return h("svg", { class: "scheme", viewBox: `0 0 ${parts.length * pitch - 6} 38`, fill: "none", stroke: "currentColor", "stroke-width": 1.3, "aria-hidden": "true" }, shapes);
}
