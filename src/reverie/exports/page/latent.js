// A page of latents: draw or choose an image, see its reconstruction, and edit its latents.

const facts = page.parts.generate.facts;
const { channels } = facts.pictures;
const [height, width] = page.size;
const latentSize = page.parts.generate.latents[0];
const LINE = Math.max(1, Math.round(Math.min(width, height) / 14));
let latents = new Float32Array(latentSize);
let drawing = false;
let example = -1;
let showsSeed = false;

/** Show the image of the latents and sliders; returns its pixels. */
async function decode() {
  const values = Float32Array.from(latents);
  page.sliders.forEach(({ direction }, number) => {
    const amount = Number(find(`slider-${number}`).value);
    direction.forEach((value, at) => { values[at] += amount * value; });
  });
  const image = toPixels(await run("generate", ["float32", values, [1, latentSize]]));
  show(find("output"), image);
  say("Ready.");
  return image;
}

async function encode() {
  showsSeed = false;
  const canvas = find("input");
  const image = canvas.getContext("2d", { willReadFrequently: true }).getImageData(0, 0, width, height);
  const shape = [1, channels, height, width];
  latents = (await run("encode", ["float32", toValues(image, channels), shape])).values;
  await decode();
}

function reset() {
  page.sliders.forEach((_, number) => { find(`slider-${number}`).value = "0"; });
  tell();
}

/** Show the sliders' values. */
function tell() {
  page.sliders.forEach((_, number) => {
    find(`value-${number}`).textContent = Number(find(`slider-${number}`).value).toFixed(1);
  });
}

async function ofSeed() {
  showsSeed = true;
  await begin(latentsOfSeeds(seedOf(find("seed")), 1, latentSize));
}

/** The next seed, or the one in the field where something else is shown. */
async function nextSeed() {
  if (showsSeed) find("seed").value = String(seedOf(find("seed")) + 1n);
  await ofSeed();
}

async function nextExample() {
  example = (example + 1) % page.examples.length;
  showsSeed = false;
  await begin(Float32Array.from(page.examples[example]));
}

/** Show the image of new latents, also where people draw. */
async function begin(found) {
  latents = found;
  reset();
  show(find("input"), await decode());
}

function clear() {
  const context = find("input").getContext("2d", { willReadFrequently: true });
  context.fillStyle = page.background;
  context.fillRect(0, 0, width, height);
}

function point(event) {
  const box = find("input").getBoundingClientRect();
  return [((event.clientX - box.left) / box.width) * width, ((event.clientY - box.top) / box.height) * height];
}

function take(blob) {
  return doing(async () => {
    const picture = await pictureOf(blob);
    const side = Math.min(picture.width / width, picture.height / height);
    const [wide, tall] = [width * side, height * side];
    const context = find("input").getContext("2d", { willReadFrequently: true });
    clear();
    context.imageSmoothingQuality = "high";
    context.drawImage(picture, (picture.width - wide) / 2, (picture.height - tall) / 2, wide, tall, 0, 0, width, height);
    reset();
    await encode();
  });
}

start(async () => {
  show(find("input"), new ImageData(width, height));
  clear();
  page.sliders.forEach(({ name }, number) => {
    const label = document.createElement("label");
    const slider = document.createElement("input");
    Object.assign(slider, { type: "range", id: `slider-${number}`, min: "-3", max: "3", step: "0.1", value: "0" });
    const words = document.createElement("span");
    words.append(`${name.replaceAll("_", " ")}: `,
      Object.assign(document.createElement("output"), { id: `value-${number}` }));
    label.append(words, slider);
    slider.addEventListener("input", () => {
      tell();
      doing(decode);
    });
    find("sliders").append(label);
  });
  find("reset").addEventListener("click", () => doing(async () => { reset(); await decode(); }));
  tell();
  const canvas = find("input");
  const context = canvas.getContext("2d", { willReadFrequently: true });
  canvas.style.touchAction = "none";
  canvas.addEventListener("pointerdown", (event) => {
    canvas.setPointerCapture(event.pointerId);
    drawing = true;
    Object.assign(context, { strokeStyle: page.ink, lineWidth: LINE, lineCap: "round", lineJoin: "round" });
    context.beginPath();
    context.moveTo(...point(event));
    context.lineTo(...point(event));  // a click is a dot
    context.stroke();
  });
  canvas.addEventListener("pointermove", (event) => {
    if (!drawing) return;
    context.lineTo(...point(event));
    context.stroke();
  });
  for (const name of ["pointerup", "pointercancel"]) {
    canvas.addEventListener(name, () => {
      if (!drawing) return;
      drawing = false;
      reset();
      doing(encode);
    });
  }
  find("again").addEventListener("click", () => doing(nextSeed));
  find("example").hidden = !page.examples.length;
  find("again").classList.toggle("main", !page.examples.length);
  find("example").addEventListener("click", () => doing(nextExample));
  find("seed").addEventListener("change", () => doing(ofSeed));
  find("clear").addEventListener("click", () => doing(async () => { clear(); reset(); await encode(); }));
  find("save").addEventListener("click", () => saveCanvas(find("output"), `${page.title}.png`));
  onChosen(take);
  await (page.examples.length ? nextExample() : ofSeed());
});
