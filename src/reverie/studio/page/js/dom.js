// Preact, its hooks and htm in one place: `html` writes elements as tagged templates.
// Text is always a text node and attributes are set as values, so names from files need no escaping.

import { Fragment, h, render } from "../vendor/preact.module.js";
import htm from "../vendor/htm.module.js";

export { useCallback, useEffect, useId, useLayoutEffect, useMemo, useRef, useState } from "../vendor/hooks.module.js";
export { Fragment, h, render };
export const html = htm.bind(h);

/** Joins class names; falsy ones are left out. */
export const classes = (...names) => names.filter(Boolean).join(" ");
