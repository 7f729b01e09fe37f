/**
 * Calls of the service's HTTP API. The workbench has no other way to the server than these documented routes.
 *
 * Addresses are relative, so that the page also works below the prefix of a proxy.
 */

import { text } from "./text.js";

/** @typedef {import("../../types/api.js").components["schemas"]} Schemas */
/** @typedef {{method?: string, json?: unknown, form?: FormData, query?: Query, headers?: Record<string, string>, signal?: AbortSignal}} Options */
/** @typedef {Record<string, string | number | boolean | null | undefined | string[]>} Query */

/** An answer with an error, or no answer at all (`status` 0). */
export class ApiError extends Error {
  /**
   * @param {number} status
   * @param {string} code
   * @param {string} message
   * @param {string | null} requestId
   */
  constructor(status, code, message, requestId) {
    super(message);
    this.status = status;
    this.code = code;
    this.requestId = requestId;
  }
}

/**
 * The header that a request needs that changes something and is signed in by a cookie.
 * @type {Record<string, string>}
 */
let common = { "daguerre-page": "1" };

/** Send this header with every request from now on: a coder's page names the coder. @param {string} tag */
export function actAsCoder(tag) {
  common = { ...common, "daguerre-coder": tag };
}

/**
 * A part of an address, escaped.
 * @param {TemplateStringsArray} parts
 * @param {...(string | number)} values
 */
export function path(parts, ...values) {
  for (const value of values) {
    if (value === "." || value === "..") throw new ApiError(404, "not_found", text.common.noPage, null);
  }
  return parts.reduce((made, part, i) => made + encodeURIComponent(String(values[i - 1])) + part);
}

/** @param {string} address @param {Query} [query] */
export function withQuery(address, query = {}) {
  const made = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    if (value === null || value === undefined || value === "" || value === false) continue;
    for (const each of Array.isArray(value) ? value : [value]) made.append(name, String(each));
  }
  return made.size ? `${address}?${made}` : address;
}

/**
 * The response to a request. Throws ApiError for every status of an error, and where nothing answers.
 * @param {string} address
 * @param {Options} [options]
 * @returns {Promise<Response>}
 */
export async function send(address, { method = "GET", json, form, query, headers, signal } = {}) {
  /** @type {RequestInit} */
  const request = { method, headers: { ...common, ...headers }, signal: signal ?? null, credentials: "same-origin" };
  if (json !== undefined) {
    request.body = JSON.stringify(json);
    request.headers = { ...request.headers, "content-type": "application/json" };
  } else if (form) {
    request.body = form;
  }
  let response;
  try {
    response = await fetch(withQuery(address, query), request);
  } catch (error) {
    if (error instanceof DOMException && error.name === "AbortError") throw error;
    throw new ApiError(0, "no_answer", "", null);
  }
  if (response.ok) return response;
  const text = await response.text();
  let about = { code: "unknown", message: text.slice(0, 500), request_id: null };
  try {
    about = JSON.parse(text).error;
  } catch {
    // a proxy in between answers with a page of its own
  }
  throw new ApiError(response.status, about.code, about.message, about.request_id);
}

/**
 * The JSON of an answer, as the schema of the API says.
 * @template T
 * @param {string} address
 * @param {Options} [options]
 * @returns {Promise<T>}
 */
export async function call(address, options) {
  return (await send(address, options)).json();
}

/**
 * Wait for a job, and return it when it has succeeded. Throws ApiError with the job's error otherwise.
 * @param {string} id
 * @param {(job: Schemas["Job"]) => void} [report] called with every state that is seen
 * @param {AbortSignal} [signal]
 * @returns {Promise<Schemas["Job"]>}
 */
export async function followJob(id, report, signal) {
  for (let wait = 150; ; wait = Math.min(wait * 1.5, 2000)) {
    /** @type {Schemas["Job"]} */
    const job = await call(path`v1/jobs/${id}`, signal ? { signal } : {});
    report?.(job);
    if (job.state === "succeeded") return job;
    if (job.state === "failed" || job.state === "cancelled") {
      throw new ApiError(422, job.error?.code ?? job.state, job.error?.message ?? job.state, null);
    }
    await new Promise((resolve) => setTimeout(resolve, wait));
    signal?.throwIfAborted();
  }
}

let withFaces = true;

/** Whether pictures come with blurred faces from now on. @param {boolean} on */
export function blurFaces(on) {
  withFaces = !on;
}

/** The address of an item's picture. @param {string} study @param {string} key @param {"256" | "1024" | "full"} [size] */
export function pictureAddress(study, key, size = "256") {
  return withQuery(path`v1/studies/${study}/items/${key}/picture`, { size, blur: withFaces ? null : "faces" });
}
