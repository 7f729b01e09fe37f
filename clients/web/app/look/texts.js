/** Texts of items, asked for together and kept. */
import { call, path } from "../lib/api.js";

/** @typedef {import("../lib/api.js").Schemas} Schemas */
/** @typedef {{resolve: (found: string) => void, reject: (error: unknown) => void, given: () => boolean}} Waiting */

const TOGETHER = 40; // ms in which questions are gathered
const KEPT = 5000;

/** @type {Map<string, string>} */
const kept = new Map();
/** @type {Map<string, Map<string, Waiting[]>>} */
const waiting = new Map();

/**
 * The text of an item.
 * @param {string} study
 * @param {string} key
 * @param {() => boolean} givenUp whether it is wanted no more when the question is sent
 * @returns {Promise<string>}
 */
export function textOf(study, key, givenUp) {
  const there = kept.get(`${study}/${key}`);
  if (there !== undefined) return Promise.resolve(there);
  return new Promise((resolve, reject) => {
    let ofStudy = waiting.get(study);
    if (!ofStudy) {
      ofStudy = new Map();
      waiting.set(study, ofStudy);
      setTimeout(() => ask(study), TOGETHER);
    }
    ofStudy.set(key, [...(ofStudy.get(key) ?? []), { resolve, reject, given: givenUp }]);
  });
}

/** @param {string} study */
async function ask(study) {
  const asked = waiting.get(study) ?? new Map();
  waiting.delete(study);
  const keys = [...asked]
    .filter(([, each]) => each.some((/** @type {Waiting} */ one) => !one.given()))
    .map(([key]) => key);
  for (let start = 0; start < keys.length; start += 1000) {
    const part = keys.slice(start, start + 1000);
    try {
      /** @type {Schemas["ItemPage"]} */
      const page = await call(path`v1/studies/${study}/items/lookup`, { method: "POST", json: { keys: part } });
      for (const item of page.data) {
        const found = item.text ?? item.id;
        kept.set(`${study}/${item.key}`, found);
        for (const each of asked.get(item.key) ?? []) each.resolve(found);
      }
    } catch (error) {
      for (const key of part) for (const each of asked.get(key) ?? []) each.reject(error);
    }
  }
  for (const key of [...kept.keys()].slice(0, Math.max(0, kept.size - KEPT))) kept.delete(key);
}
