// A page that translates or upscales an image of the user.

const names = Object.keys(page.parts);
const upscales = names[0] === "upscale";
const LARGEST_SIDE = 1024;
const SMALLEST_SIDE = 16;
const TILE = 128;
let source = null;

/** The network's output for pixels, padded by repetition to the multiple that it needs. */
async function computed(part, image) {
  const { channels } = page.parts[part].facts.pictures;
  const { multiple, scale } = page.parts[part].facts;
  const [width, height] = [image.width, image.height].map((side) => Math.ceil(side / multiple) * multiple);
  const padded = new ImageData(width, height);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const from = 4 * (Math.min(y, image.height - 1) * image.width + Math.min(x, image.width - 1));
      padded.data.set(image.data.subarray(from, from + 4), 4 * (y * width + x));
    }
  }
  const made = await run(part, ["float32", toValues(padded, channels), [1, channels, height, width]]);
  const pixels = toPixels(made);
  const canvas = new OffscreenCanvas(pixels.width, pixels.height);
  const context = canvas.getContext("2d");
  context.putImageData(pixels, 0, 0);
  return context.getImageData(0, 0, image.width * scale, image.height * scale);
}

/** The same, tile by tile; tiles overlap by the receptive radius, so that the result is the same. */
async function tiled(part, image, check) {
  const { scale, receptive_radius: radius } = page.parts[part].facts;
  const after = find("after");
  after.width = image.width * scale;
  after.height = image.height * scale;
  const context = after.getContext("2d");
  const canvas = new OffscreenCanvas(image.width, image.height);
  const original = canvas.getContext("2d", { willReadFrequently: true });
  original.putImageData(image, 0, 0);
  const total = Math.ceil(image.width / TILE) * Math.ceil(image.height / TILE);
  let done = 0;
  for (let top = 0; top < image.height; top += TILE) {
    for (let left = 0; left < image.width; left += TILE) {
      const [x, y] = [Math.max(0, left - radius), Math.max(0, top - radius)];
      const right = Math.min(image.width, left + TILE + radius);
      const bottom = Math.min(image.height, top + TILE + radius);
      const made = await computed(part, original.getImageData(x, y, right - x, bottom - y));
      const [insideX, insideY] = [(left - x) * scale, (top - y) * scale];
      const [width, height] = [Math.min(TILE, image.width - left), Math.min(TILE, image.height - top)];
      context.putImageData(made, left * scale - insideX, top * scale - insideY,
        insideX, insideY, width * scale, height * scale);
      done += 1;
      say(`Tile ${done} of ${total} …`, done / total);
      await breathe();
      check();
    }
  }
}

function hasTransparency(picture, width, height) {
  const context = new OffscreenCanvas(width, height).getContext("2d", { willReadFrequently: true });
  context.drawImage(picture, 0, 0, width, height);
  const { data } = context.getImageData(0, 0, width, height);
  for (let at = 3; at < data.length; at += 4) if (data[at] < 255) return true;
  return false;
}

function sizeOf(picture) {
  const [width, height] = [picture.width, picture.height];
  let factor = Math.min(1, LARGEST_SIDE / Math.max(width, height));
  if (!upscales && find("size").value === "trained") {
    factor = Math.min(Math.min(...page.size) / Math.min(width, height), LARGEST_SIDE / Math.max(width, height));
  }
  if (Math.min(width, height) * factor < (upscales ? 1 : SMALLEST_SIDE)) {
    throw new Error(`This image is too small or too narrow (${width}×${height} pixels): choose another.`);
  }
  return [Math.max(1, Math.round(width * factor)), Math.max(1, Math.round(height * factor))];
}

async function work(check) {
  if (source === null) return;
  const began = performance.now();
  const [width, height] = sizeOf(source);
  const image = pixelsOf(source, width, height);
  const isClear = hasTransparency(source, width, height);
  say("Computing …", 0);
  await breathe();
  find("compare").hidden = false;
  if (upscales) {
    await tiled("upscale", image, check);
  } else {
    show(find("after"), await computed(find("direction").value, image));
  }
  const { width: large, height: tall } = find("after");
  find("compare").style.width = `${Math.max(large, 256)}px`;
  find("before").width = large;
  find("before").height = tall;
  const plain = new OffscreenCanvas(width, height);
  plain.getContext("2d").putImageData(image, 0, 0);
  const context = find("before").getContext("2d");
  context.imageSmoothingQuality = "high";
  context.drawImage(plain, 0, 0, large, tall);
  for (const id of ["before", "after"]) find(id).classList.toggle("pixels", large < 256);
  find("save").disabled = false;
  const shrunk = width < source.width
    ? ` The image was reduced from ${source.width}×${source.height} pixels first.` : "";
  const clear = isClear ? " Its transparent parts are on white." : "";
  const seconds = ((performance.now() - began) / 1000).toFixed(1);
  const enlarged = upscales ? ` to ${large}×${tall}` : "";
  say(`${width}×${height}${enlarged} pixels in ${seconds} s.${shrunk}${clear}`);
}

function take(blob) {
  return doing(async (check) => {
    find("save").disabled = true;
    source = await pictureOf(blob);
    await work(check);
  });
}

/** Show an example, which the page holds. */
function tryExample(image) {
  return doing(async (check) => {
    source = await pictureOf(image);
    await work(check);
  });
}

/** Buttons of the examples; returns their images. */
async function showExamples() {
  find("examples").hidden = !page.examples.length;
  const images = page.examples.map((url, number) => {
    const image = Object.assign(new Image(), { src: url, alt: `Example ${number + 1}` });
    const button = Object.assign(document.createElement("button"), { type: "button", className: "example" });
    button.append(image);
    button.addEventListener("click", () => tryExample(image));
    find("examples").append(button);
    return image;
  });
  await Promise.all(images.map((image) => image.decode()));
  return images;
}

function slide() {
  find("before").style.clipPath = `inset(0 ${100 - Number(find("slider").value)}% 0 0)`;
}

function closeCamera() {
  const video = find("video");
  for (const track of video.srcObject?.getTracks() ?? []) track.stop();
  video.srcObject = null;
  for (const id of ["video", "shoot", "close"]) find(id).hidden = true;
}

async function openCamera() {
  closeCamera();
  const video = find("video");
  try {
    video.srcObject = await navigator.mediaDevices.getUserMedia({ video: true });
  } catch {
    throw new Error("The browser gives no camera to this page: choose an image instead.");
  }
  await video.play();
  for (const id of ["video", "shoot", "close"]) find(id).hidden = false;
}

async function shoot() {
  const video = find("video");
  if (!video.videoWidth) return;
  const canvas = new OffscreenCanvas(video.videoWidth, video.videoHeight);
  canvas.getContext("2d").drawImage(video, 0, 0);
  closeCamera();
  await take(await canvas.convertToBlob());
}

/** Dragging on the image moves the slider. */
function drag(event) {
  if (!(event.buttons & 1)) return;
  const box = find("both").getBoundingClientRect();
  find("slider").value = String((100 * (event.clientX - box.left)) / box.width);
  slide();
}

start(async () => {
  const words = { ab: "A to B", ba: "B to A" };
  names.forEach((name) => find("direction").append(new Option(words[name] || name, name)));
  find("direction-field").hidden = names.length < 2;
  find("size-field").hidden = upscales;
  find("camera").hidden = !navigator.mediaDevices;
  onChosen(take);
  for (const id of ["direction", "size"]) find(id).addEventListener("change", () => doing(work));
  find("slider").addEventListener("input", slide);
  find("camera").addEventListener("click", () => doing(openCamera));
  find("shoot").addEventListener("click", shoot);
  find("close").addEventListener("click", closeCamera);
  for (const name of ["pointerdown", "pointermove"]) find("both").addEventListener(name, drag);
  find("save").addEventListener("click", () => saveCanvas(find("after"), `${page.title}.png`));
  find("drop").addEventListener("dragover", (event) => {
    event.preventDefault();
    find("drop").classList.add("over");
  });
  find("drop").addEventListener("dragleave", () => find("drop").classList.remove("over"));
  document.addEventListener("dragover", (event) => event.preventDefault());
  document.addEventListener("drop", (event) => {
    event.preventDefault();
    find("drop").classList.remove("over");
    if (event.dataTransfer.files.length) take(event.dataTransfer.files[0]);
  });
  document.addEventListener("paste", (event) => {
    const file = [...event.clipboardData.files].find((one) => one.type.startsWith("image/"));
    if (file) take(file);
  });
  slide();
  const examples = await showExamples();
  await prepare(names[0]);
  say("Ready.");
  if (examples.length) {
    source = await pictureOf(examples[0]);
    await work(() => {});
  }
});
