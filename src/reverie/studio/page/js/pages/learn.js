import { html } from "../dom.js"; export const Learn = () => html`<h1>Learn</h1>`;
