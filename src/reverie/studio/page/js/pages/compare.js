import { html } from "../dom.js"; export const Compare = () => html`<h1>Compare</h1>`;
