/** Components and templates: preact with htm, from the vendored files. */
import htm from "../../vendor/htm.js";
import { h } from "../../vendor/preact.js";

export { useCallback, useEffect, useId, useLayoutEffect, useMemo, useRef, useState } from "../../vendor/hooks.js";
export { Fragment, h, render } from "../../vendor/preact.js";

/** @typedef {import("../../vendor/preact.js").ComponentChildren} Children */
/** @typedef {import("../../vendor/preact.js").VNode} VNode */

/** A template as an element, whose values never become HTML. */
export const html = /** @type {(strings: TemplateStringsArray, ...values: unknown[]) => VNode} */ (htm.bind(h));
