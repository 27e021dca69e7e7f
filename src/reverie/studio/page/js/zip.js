// A zip of files of the home folder, put together in the page. Images are compressed already, so they are stored.

import { fileUrl } from "./api.js";

const TABLE = Uint32Array.from({ length: 256 }, (_, n) => {
  for (let k = 0; k < 8; k++) n = n & 1 ? 0xedb88320 ^ (n >>> 1) : n >>> 1;
  return n;
});

function crc32(content) {
  let sum = 0xffffffff;
  for (const byte of content) sum = TABLE[(sum ^ byte) & 255] ^ (sum >>> 8);
  return (sum ^ 0xffffffff) >>> 0;
}

/** Fields of 2 and 4 bytes, little-endian: [[size, value], …]. */
function fields(...values) {
  const view = new DataView(new ArrayBuffer(values.reduce((sum, [size]) => sum + size, 0)));
  let at = 0;
  for (const [size, value] of values) {
    if (size === 2) view.setUint16(at, value, true);
    else view.setUint32(at, value, true);
    at += size;
  }
  return new Uint8Array(view.buffer);
}

/** Downloads `files` ([{ path, name }]) as one zip; `onProgress` gets the fraction that was read. */
export async function saveZip(files, zipName, onProgress) {
  const parts = [];
  const directory = [];
  let offset = 0;
  let read = 0;
  for (const { path, name } of files) {
    const response = await fetch(fileUrl(path), { credentials: "same-origin" });
    if (!response.ok) throw new Error(`${name} could not be read.`);
    const content = new Uint8Array(await response.arrayBuffer());
    const title = new TextEncoder().encode(name);
    const utf8 = 0x800;
    const common = [[2, 20], [2, utf8], [2, 0], [2, 0], [2, 0x21], [4, crc32(content)], [4, content.length], [4, content.length], [2, title.length], [2, 0]];
    const local = fields([4, 0x04034b50], ...common);
    parts.push(local, title, content);
    directory.push(fields([4, 0x02014b50], [2, 20], ...common, [2, 0], [2, 0], [2, 0], [4, 0], [4, offset]), title);
    offset += local.length + title.length + content.length;
    onProgress?.(++read / files.length);
  }
  const size = directory.reduce((sum, part) => sum + part.length, 0);
  const end = fields([4, 0x06054b50], [2, 0], [2, 0], [2, files.length], [2, files.length], [4, size], [4, offset], [2, 0]);
  const address = URL.createObjectURL(new Blob([...parts, ...directory, end], { type: "application/zip" }));
  const anchor = document.createElement("a");
  anchor.href = address;
  anchor.download = zipName;
  anchor.click();
  setTimeout(() => URL.revokeObjectURL(address), 60000);
}
