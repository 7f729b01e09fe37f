/** The vectors of a study, by model. */
import { call, path } from "../lib/api.js";
import { useLoad } from "../lib/load.js";

/** @typedef {import("../lib/api.js").Schemas} Schemas */

/**
 * The sets of vectors of a study; `known` once they were read.
 * @param {string} study
 * @returns {{sets: Schemas["VectorSetCard"][], known: boolean, error: Error | null, reload: () => void}}
 */
export function useVectorSets(study) {
  const { value, error, reload } = useLoad(
    (signal) =>
      /** @type {Promise<Schemas["VectorSetList"]>} */ (call(path`v1/studies/${study}/embeddings`, { signal })),
    [study],
  );
  return { sets: value?.data ?? [], known: value !== null, error, reload };
}
