// What every page shares: assets, ONNX Runtime, pixels, and the library's random numbers.

const page = JSON.parse(document.getElementById("page").textContent);
const find = (id) => document.getElementById(id);

/** Show a sentence; the progress bar is shown while `share` is a number from 0 to 1. */
function say(sentence, share = null, isError = false) {
  find("status").textContent = sentence;
  find("status").classList.toggle("error", isError);
  find("progress").hidden = share === null;
  if (share !== null) find("progress").value = share;
}

/** The browser draws what has changed before work goes on. */
const breathe = () => new Promise((resolve) => setTimeout(resolve, 0));

/** The bytes of a file beside the page, or of one that the page holds. */
async function asset(name) {
  const embedded = find(`asset-${name}`);
  if (embedded === null) {
    const answer = await fetch(name);
    if (!answer.ok) throw new Error(`${name} could not be loaded (${answer.status}).`);
    return new Uint8Array(await answer.arrayBuffer());
  }
  const text = atob(embedded.textContent);
  embedded.remove();
  const packed = new Uint8Array(text.length);
  for (let at = 0; at < text.length; at++) packed[at] = text.charCodeAt(at);
  const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

let ort = null;

async function loadRuntime() {
  if (find("asset-ort.mjs") === null) {
    ort = await import("./ort.mjs");
  } else {
    const source = new Blob([await asset("ort.mjs")], { type: "text/javascript" });
    ort = await import(URL.createObjectURL(source));
  }
  ort.env.wasm.wasmBinary = (await asset("ort.wasm")).buffer;
  const cores = navigator.hardwareConcurrency || 1;
  ort.env.wasm.numThreads = self.crossOriginIsolated ? Math.min(cores, 8) : 1;
  compute(page.webgpu && await hasGraphics() ? "webgpu" : "wasm");
}

/** Whether the browser lets this page use a graphics processor, and one that is not imitated by
 * software, which is tens of times as slow as WebAssembly. */
async function hasGraphics() {
  try {
    const adapter = await navigator.gpu?.requestAdapter();
    if (adapter.info?.isFallbackAdapter ?? adapter.isFallbackAdapter) return false;
    (await adapter.requestDevice()).destroy();
    return true;
  } catch {
    return false;
  }
}

let provider = "wasm";
let sessions = {};

/** Compute with WebGPU or WebAssembly from now on. */
function compute(by) {
  provider = by;
  sessions = {};
  document.body.dataset.provider = by;
  document.body.dataset.threads = String(ort.env.wasm.numThreads);
}

const models = {};

/** What `work` returns; where WebGPU fails in it, as not every processor has all operations, it is
 * done again with WebAssembly. */
async function onEither(work) {
  try {
    return await work();
  } catch (error) {
    if (provider !== "webgpu") throw error;
    console.warn(`WebGPU failed: ${error.message}`);
    compute("wasm");
    return work();
  }
}

async function session(part) {
  if (!(part in sessions)) {
    models[part] ??= await asset(page.parts[part].file);
    const options = { executionProviders: [provider], logSeverityLevel: 3 };  // errors alone
    sessions[part] = await ort.InferenceSession.create(models[part], options);
    if (provider === "wasm") delete models[part];
  }
  return sessions[part];
}

/** Load a part of the model. */
const prepare = (part) => onEither(() => session(part));

/** The output of a part of the model, for [type, values, shape] of each input in order. */
function run(part, ...inputs) {
  return onEither(async () => {
    const network = await session(part);
    const feeds = {};
    inputs.forEach(([type, values, shape], at) => {
      feeds[network.inputNames[at]] = new ort.Tensor(type, values, shape);
    });
    const tensor = (await network.run(feeds))[network.outputNames[0]];
    return { values: tensor.data, shape: tensor.dims };
  });
}

/** Start a page: load the runtime and the model's first part, then show the stage. */
async function start(begin) {
  const began = performance.now();
  try {
    await loadRuntime();
    find("stage").hidden = false;
    await begin();
    page.secondsToLoad = (performance.now() - began) / 1000;
    document.body.dataset.ready = page.secondsToLoad.toFixed(2);
  } catch (error) {
    say(error.message, null, true);
    throw error;
  }
}

let busy = Promise.resolve();
let asked = 0;

/** Raised where work is no longer wanted, since newer work has been asked for. */
class Superseded extends Error {}

/** Do one thing after the other; what fails is said, and what newer work replaces is left out.
 * `work` gets a function that ends it where newer work has been asked for. */
function doing(work) {
  asked += 1;
  const number = asked;
  const check = () => { if (number !== asked) throw new Superseded(); };
  busy = busy.then(async () => {
    try {
      check();
      await work(check);
    } catch (error) {
      if (!(error instanceof Superseded)) say(error.message || String(error), null, true);
    }
    document.body.dataset.done = String(Number(document.body.dataset.done || 0) + 1);
  });
  return busy;
}

// Pixels -------------------------------------------------------------------------------------

/** Values [C, H, W] in [-1, 1] of an image's pixels; grey is the luma of BT.601. */
function toValues(image, channels) {
  const { width, height, data } = image;
  const area = width * height;
  const values = new Float32Array(channels * area);
  for (let at = 0; at < area; at++) {
    const [red, green, blue] = [data[4 * at], data[4 * at + 1], data[4 * at + 2]];
    if (channels === 1) {
      values[at] = ((red * 19595 + green * 38470 + blue * 7471 + 0x8000) >> 16) / 127.5 - 1;
    } else {
      values[at] = red / 127.5 - 1;
      values[area + at] = green / 127.5 - 1;
      values[2 * area + at] = blue / 127.5 - 1;
    }
  }
  return values;
}

/** Pixels of image number `index` of a tensor [N, C, H, W] with values in [-1, 1]. */
function toPixels({ values, shape }, index = 0) {
  const [, channels, height, width] = shape;
  const area = width * height;
  const image = new ImageData(width, height);
  const first = index * channels * area;
  for (let at = 0; at < area; at++) {
    for (let colour = 0; colour < 3; colour++) {
      const channel = channels === 1 ? 0 : colour;
      // An array of clamped bytes rounds by itself.
      image.data[4 * at + colour] = (values[first + channel * area + at] + 1) * 127.5;
    }
    image.data[4 * at + 3] = 255;
  }
  return image;
}

/** The picture in a file that the user gives, or in an image of the page. */
async function pictureOf(blob) {
  try {
    return await createImageBitmap(blob);
  } catch {
    throw new Error("This file is no image that the browser can read: choose a PNG, JPEG or WebP.");
  }
}

/** Call `take` with each file that is chosen, also with the same one again. */
function onChosen(take) {
  find("file").addEventListener("change", (event) => {
    if (event.target.files.length) take(event.target.files[0]);
    event.target.value = "";
  });
}

/** Pixels of a picture, a canvas or a video frame on white, at a size. */
function pixelsOf(source, width, height) {
  const canvas = new OffscreenCanvas(width, height);
  const context = canvas.getContext("2d", { willReadFrequently: true });
  context.fillStyle = "white";
  context.fillRect(0, 0, width, height);
  context.imageSmoothingQuality = "high";
  context.drawImage(source, 0, 0, width, height);
  return context.getImageData(0, 0, width, height);
}

function show(canvas, image) {
  canvas.width = image.width;
  canvas.height = image.height;
  canvas.getContext("2d").putImageData(image, 0, 0);
}

function saveCanvas(canvas, name) {
  canvas.toBlob((blob) => {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(blob);
    link.download = name;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10000);
  }, "image/png");
}

/** The seed in a field, as a whole number of 64 bits; the field shows what was taken. */
function seedOf(field) {
  const typed = field.value.trim();
  const seed = /^[-+]?\d{1,19}$/.test(typed) ? BigInt(typed) : 0n;
  const taken = BigInt.asIntN(64, seed) === seed ? seed : 0n;
  field.value = String(taken);
  return taken;
}

// Random numbers, as the library draws them -----------------------------------------------------

/** NumPy's SeedSequence of one number: the first word of its state. */
function mixed(seed) {
  const wide = BigInt.asUintN(64, BigInt(seed));
  const entropy = [Number(wide & 0xffffffffn)];
  if (wide >> 32n) entropy.push(Number(wide >> 32n));
  let factor = 0x43b0d7e5;
  const hashed = (value) => {
    value = (value ^ factor) >>> 0;
    factor = Math.imul(factor, 0x931e8875) >>> 0;
    value = Math.imul(value, factor) >>> 0;
    return (value ^ (value >>> 16)) >>> 0;
  };
  const blended = (one, other) => {
    const sum = (Math.imul(0xca01f9dd, one) - Math.imul(0x4973f715, other)) >>> 0;
    return (sum ^ (sum >>> 16)) >>> 0;
  };
  const pool = [0, 1, 2, 3].map((at) => hashed(entropy[at] || 0));
  for (let from = 0; from < 4; from++) {
    for (let to = 0; to < 4; to++) {
      if (from !== to) pool[to] = blended(pool[to], hashed(pool[from]));
    }
  }
  let word = (pool[0] ^ 0x8b51f9dd) >>> 0;
  word = Math.imul(word, Math.imul(0x8b51f9dd, 0x58f38ded)) >>> 0;
  return (word ^ (word >>> 16)) >>> 0;
}

/** The generator MT19937: a function that returns 32-bit numbers. */
function twister(seed) {
  const state = new Uint32Array(624);
  state[0] = seed;
  for (let at = 1; at < 624; at++) {
    const last = state[at - 1] ^ (state[at - 1] >>> 30);
    state[at] = Math.imul(1812433253, last) + at;
  }
  let next = 624;
  return () => {
    if (next === 624) {
      for (let at = 0; at < 624; at++) {
        const y = (state[at] & 0x80000000) | (state[(at + 1) % 624] & 0x7fffffff);
        state[at] = state[(at + 397) % 624] ^ (y >>> 1) ^ (y & 1 ? 0x9908b0df : 0);
      }
      next = 0;
    }
    let y = state[next++];
    y ^= y >>> 11;
    y ^= (y << 7) & 0x9d2c5680;
    y ^= (y << 15) & 0xefc60000;
    return (y ^ (y >>> 18)) >>> 0;
  };
}

/** Standard normal numbers as PyTorch draws them on a processor. */
function normals(seed, count) {
  const draw = twister(mixed(seed));
  const values = new Float32Array(count);
  if (count < 16) {
    const uniform = () => Number(((BigInt(draw()) << 32n) | BigInt(draw())) & ((1n << 53n) - 1n)) / 2 ** 53;
    for (let at = 0; at < count; at += 2) {
      const [angle, share] = [uniform(), uniform()];
      const radius = Math.sqrt(-2 * Math.log1p(-share));
      values[at] = radius * Math.cos(2 * Math.PI * angle);
      if (at + 1 < count) values[at + 1] = radius * Math.sin(2 * Math.PI * angle);
    }
    return values;
  }
  const uniform = () => (draw() & 0xffffff) / 2 ** 24;
  const transform = (first) => {
    for (let at = first; at < first + 8; at++) {
      const radius = Math.sqrt(-2 * Math.log(1 - values[at]));
      const angle = 2 * Math.PI * values[at + 8];
      values[at] = radius * Math.cos(angle);
      values[at + 8] = radius * Math.sin(angle);
    }
  };
  for (let at = 0; at < count; at++) values[at] = uniform();
  for (let at = 0; at + 16 <= count; at += 16) transform(at);
  if (count % 16) {
    for (let at = count - 16; at < count; at++) values[at] = uniform();
    transform(count - 16);
  }
  return values;
}

/** Latents of the seeds from `seed` on, one image's after the other's. */
function latentsOfSeeds(seed, count, size) {
  const values = new Float32Array(count * size);
  for (let at = 0; at < count; at++) values.set(normals(seed + BigInt(at), size), at * size);
  return values;
}
