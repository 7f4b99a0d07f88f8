/** Where things lie. Everything built goes to ../dist, but for what belongs into the npm package. */
import { fileURLToPath } from 'node:url';

const at = (/** @type {string} */ path) => fileURLToPath(new URL(path, import.meta.url));

/** This folder, and the project's. */
export const web = at('..');
export const root = at('../..');

/** What the module's build leaves behind. */
export const moduleFile = at('../../dist/checkbox_detector.wasm');
export const bindings = at('../../dist/bindings');

/** What runs the module outside browsers, with what it needs beside it. */
export const hostProgram = at('../../dist/host-lambda');

/** What is built here. */
export const pageFolder = at('../../dist/page');
export const tarballFolder = at('../../dist/package');
export const packageFolder = at('../dist');

/** What the tests build for themselves. */
export const generated = at('../generated');
export const screenshots = at('../screenshots');

/** How others use the package. */
export const examples = at('../examples');
export const apiFile = at('../docs/API.md');
