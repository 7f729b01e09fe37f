/** Hooks for what is read from the server, and for what is kept in the tab. */
import { useCallback, useEffect, useRef, useState } from "./dom.js";

/**
 * What `read` returns, read again when `dependencies` change; a late answer to an earlier question is dropped.
 * @template T
 * @param {(signal: AbortSignal) => Promise<T>} read
 * @param {unknown[]} dependencies
 * @returns {{value: T | null, error: Error | null, loading: boolean, reload: () => void}}
 */
export function useLoad(read, dependencies) {
  const [state, setState] = useState(
    /** @type {{value: T | null, error: Error | null, loading: boolean}} */ ({
      value: null,
      error: null,
      loading: true,
    }),
  );
  const [turn, setTurn] = useState(0);
  useEffect(() => {
    const controller = new AbortController();
    setState((before) => ({ ...before, loading: true, error: null }));
    read(controller.signal).then(
      (value) => controller.signal.aborted || setState({ value, error: null, loading: false }),
      (error) => controller.signal.aborted || setState((before) => ({ ...before, error, loading: false })),
    );
    return () => controller.abort();
  }, [...dependencies, turn]);
  const reload = useCallback(() => setTurn((before) => before + 1), []);
  return { ...state, reload };
}

/**
 * An action that the user starts: whether it runs, its error, and a function that starts it once at a time.
 * @template {unknown[]} A
 * @param {(...args: A) => Promise<void>} work
 * @returns {{run: (...args: A) => Promise<void>, busy: boolean, error: Error | null, clear: () => void}}
 */
export function useAction(work) {
  const [state, setState] = useState(
    /** @type {{busy: boolean, error: Error | null}} */ ({ busy: false, error: null }),
  );
  const running = useRef(false);
  const run = async (/** @type {A} */ ...args) => {
    if (running.current) return;
    running.current = true;
    setState({ busy: true, error: null });
    try {
      await work(...args);
      setState({ busy: false, error: null });
    } catch (error) {
      setState({ busy: false, error: /** @type {Error} */ (error) });
    } finally {
      running.current = false;
    }
  };
  return { run, ...state, clear: () => setState({ busy: false, error: null }) };
}

/**
 * One of several choices, which is kept for this tab and ends with it.
 * @template {string} T
 * @param {string} name
 * @param {readonly [T, ...T[]]} choices the first one is the default
 * @returns {[T, (value: T) => void]}
 */
export function useTabChoice(name, choices) {
  const [value, setValue] = useState(() => choices.find((each) => each === sessionStorage.getItem(name)) ?? choices[0]);
  return [
    value,
    (next) => {
      sessionStorage.setItem(name, next);
      setValue(next);
    },
  ];
}

/**
 * A choice between on and off, which is kept for this tab and ends with it.
 * @param {string} name
 * @param {boolean} first the default
 * @returns {[boolean, (value: boolean) => void]}
 */
export function useTabSwitch(name, first) {
  const [value, setValue] = useTabChoice(name, first ? SWITCH : [SWITCH[1], SWITCH[0]]);
  return [value === "true", (next) => setValue(next ? "true" : "false")];
}

const SWITCH = /** @type {const} */ (["true", "false"]);
