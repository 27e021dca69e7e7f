// Line icons on a grid of 24, drawn with the text's colour; hidden from screen readers.

import { h } from "./dom.js";

const PATHS = {
  home: "M4 11.5 12 4l8 7.5M6 10v9h4.5v-5h3v5H18v-9",
  new: "M12 5v14M5 12h14",
  use: "M4 5h16v14H4zM4 15l4.5-4.5L13 15l3-3 4 4M15.5 8.8a1.2 1.2 0 1 0 0 .1",
  compare: "M4 5h6.5v14H4zM13.5 5H20v14h-6.5",
  learn: "M12 4 3 8.5l9 4.5 9-4.5zM6.5 10.5v5c1.5 1.7 3.4 2.5 5.5 2.5s4-.8 5.5-2.5v-5",
  play: "M8 5.5v13l10.5-6.5z",
  pause: "M8 5.5v13M16 5.5v13",
  stop: "M7 7h10v10H7z",
  more: "M6 12h.01M12 12h.01M18 12h.01",
  up: "M12 19V5M6 11l6-6 6 6",
  down: "M12 5v14M6 13l6 6 6-6",
  close: "M6 6l12 12M18 6 6 18",
  check: "M5 12.5 10 17.5 19 7",
  upload: "M12 16V5M7.5 9.5 12 5l4.5 4.5M5 16v3h14v-3",
  download: "M12 5v11M7.5 11.5 12 16l4.5-4.5M5 16v3h14v-3",
  folder: "M4 6h5l2 2.5h9V18H4z",
  data: "M5 7c0-1.7 3.1-3 7-3s7 1.3 7 3v10c0 1.7-3.1 3-7 3s-7-1.3-7-3zM5 7c0 1.7 3.1 3 7 3s7-1.3 7-3M5 12c0 1.7 3.1 3 7 3s7-1.3 7-3",
  search: "M10.5 4.5a6 6 0 1 0 0 12 6 6 0 0 0 0-12zM15 15l5 5",
  trash: "M5 7h14M10 7V4.5h4V7M7 7l1 12.5h8L17 7M10.3 10.5v6M13.7 10.5v6",
  copy: "M9 9h10v10H9zM5 15V5h10",
  warning: "M12 4.5 21 19H3zM12 10v4.5M12 17h.01",
  dice: "M5 5h14v14H5zM9 9h.01M15 9h.01M12 12h.01M9 15h.01M15 15h.01",
  undo: "M8 5 4 9l4 4M4 9h10a5 5 0 0 1 0 10h-4",
  brush: "M14 4l6 6-7 7-6-6zM7 11l6 6c-2 3-6 3.500-9 2.500 2-1.500 1-5 3-8.500z",
  chevron: "M8 10l4 4 4-4",
  disk: "M4 6h16v12H4zM4 14h16M16.500 16.300h.01",
};

export function Icon({ name, size = "1.25em" }) {
  return h(
    "svg",
    { class: "icon", viewBox: "0 0 24 24", width: size, height: size, fill: "none", stroke: "currentColor", "stroke-width": 1.7, "stroke-linecap": "round", "stroke-linejoin": "round", "aria-hidden": "true" },
    h("path", { d: PATHS[name] }),
  );
}
