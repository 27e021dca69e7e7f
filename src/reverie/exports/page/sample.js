// A page that samples images from noise: by one network, or by denoising step by step.

const part = page.parts.denoise ? "denoise" : "generate";
const facts = page.parts[part].facts;
const { channels, class_names: classes } = facts.pictures;
const [height, width] = page.size;
const latentSize = page.parts[part].latents.reduce((product, side) => product * side, 1);
const diffuses = part === "denoise";
const few = diffuses && facts.options.few_steps > 0;
const COUNT = 16;
let film = [];

function noiseLevels(steps) {
  const { schedule, sigma_min: low, sigma_max: high } = facts.sampling;
  const levels = [];
  for (let at = 0; at < steps; at++) {
    if (schedule === "uniform") {
      const time = (high / (1 + high)) * (1 - at / steps);
      levels.push(time / (1 - time));
    } else {
      const share = steps > 1 ? at / (steps - 1) : 0;
      levels.push((high ** (1 / 7) + share * (low ** (1 / 7) - high ** (1 / 7))) ** 7);
    }
  }
  return [...levels, 0];
}

/** The expected image of x = image + sigma * noise, with classifier-free guidance. */
async function denoised(x, sigma, until, labels, guidance) {
  const count = labels.length;
  const shape = [count, channels, height, width];
  const once = async (asked) => {
    const inputs = [
      ["float32", Float32Array.from(x), shape],
      ["float32", new Float32Array(count).fill(sigma), [count]],
    ];
    if (facts.conditional) inputs.push(["int64", BigInt64Array.from(asked, BigInt), [count]]);
    if (few) inputs.push(["float32", new Float32Array(count).fill(until), [count]]);
    return Float64Array.from((await run("denoise", ...inputs)).values);
  };
  const made = await once(labels);
  if (guidance === 1 || !facts.sampling.guidance) return made;
  const free = await once(labels.map(() => classes.length));
  return made.map((value, at) => free[at] + guidance * (value - free[at]));
}

/** DPM-Solver++(2M), or Euler's method on the average velocities of a few-step model. */
async function diffuse(latents, labels, steps, guidance, check) {
  const levels = noiseLevels(steps);
  const averages = few && steps <= 4;
  let x = Float64Array.from(latents, (value) => value * levels[0]);
  let before = null;
  let stepBefore = 0;
  film = [];
  find("film").max = 0;
  for (let at = 0; at < steps; at++) {
    const [sigma, next] = [levels[at], levels[at + 1]];
    const image = await denoised(x, sigma, averages ? next : sigma, labels, guidance);
    film.push(image);
    find("film").max = film.length - 1;  // before the value, which it bounds
    find("film").value = film.length - 1;
    draw(image);
    say(`Denoising, step ${at + 1} of ${steps} …`, (at + 1) / steps);
    await breathe();
    check();
    if (next === 0) return;
    if (averages) {
      x = x.map((value, i) => value + ((next - sigma) * (value - image[i])) / sigma);
      continue;
    }
    const step = Math.log(sigma / next);
    const ratio = stepBefore / step;
    const last = before;
    const ahead = last === null ? image
      : image.map((value, i) => (1 + 1 / (2 * ratio)) * value - (1 / (2 * ratio)) * last[i]);
    x = x.map((value, i) => (next / sigma) * value - Math.expm1(-step) * ahead[i]);
    before = image;
    stepBefore = step;
  }
}

function draw(values) {
  const count = values.length / (channels * height * width);
  const columns = Math.ceil(Math.sqrt(count));
  const canvas = find("grid");
  canvas.width = columns * width;
  canvas.height = Math.ceil(count / columns) * height;
  const context = canvas.getContext("2d");
  for (let at = 0; at < count; at++) {
    const image = toPixels({ values, shape: [count, channels, height, width] }, at);
    context.putImageData(image, (at % columns) * width, Math.floor(at / columns) * height);
  }
}

async function sample(check) {
  const began = performance.now();
  const seed = seedOf(find("seed"));
  const count = Number(find("count").value);
  const latents = latentsOfSeeds(seed, count, latentSize);
  const asked = find("label").value;
  const labels = Array.from({ length: count }, (_, at) =>
    asked === "" ? at % Math.max(1, classes.length) : Number(asked));
  if (diffuses) {
    await diffuse(latents, labels, Number(find("steps").value), Number(find("guidance").value), check);
  } else {
    say("Sampling …", 0);
    const inputs = [["float32", latents, [count, ...page.parts[part].latents]]];
    if (facts.conditional) inputs.push(["int64", BigInt64Array.from(labels, BigInt), [count]]);
    draw((await run("generate", ...inputs)).values);
  }
  const seconds = (performance.now() - began) / 1000;
  const seeds = count === 1 ? `1 image of seed ${seed}`
    : `${count} images of the seeds ${seed} to ${seed + BigInt(count - 1)}`;
  say(`${seeds} in ${seconds.toFixed(1)} s.`);
}

start(async () => {
  find("label-field").hidden = !facts.conditional;
  classes.forEach((name, at) => find("label").append(new Option(name, String(at))));
  find("diffusion").hidden = find("film-field").hidden = !diffuses;
  if (diffuses) find("steps").value = few ? 4 : facts.sampling.steps;
  find("guidance-field").hidden = !facts.sampling.guidance;
  for (const id of ["steps", "guidance"]) {
    const tell = () => { find(`${id}-value`).textContent = find(id).value; };
    find(id).addEventListener("input", tell);
    tell();
  }
  find("count").value = String(COUNT);
  for (const id of ["seed", "count", "label", "steps", "guidance"]) {
    find(id).addEventListener("change", () => doing(sample));
  }
  find("again").addEventListener("click", () => {
    find("seed").value = String(seedOf(find("seed")) + BigInt(find("count").value));
    doing(sample);
  });
  find("save").addEventListener("click", () => saveCanvas(find("grid"), `${page.title}.png`));
  find("film").addEventListener("input", () => {
    if (film.length) draw(film[Number(find("film").value)]);
  });
  await sample(() => {});
});
