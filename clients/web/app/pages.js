/** The pages of a study: a row each. A page's module is loaded when it is opened. */
import { text } from "./lib/text.js";

/** @typedef {import("./lib/api.js").Schemas} Schemas */
/**
 * @typedef {{study: Schemas["StudyCard"], reload: () => void, parts: string[], query: URLSearchParams, blurred: boolean}} PageProps
 *   `parts`: those of the address behind the page's name; `reload` reads the study again
 */
/** @typedef {(props: PageProps) => import("./lib/dom.js").VNode | null} Page */

/** @type {{name: string, title: string | null, load: () => Promise<Page>}[]} */
export const PAGES = [
  { name: "look", title: text.pages.look, load: async () => (await import("./look/page.js")).LookPage },
  { name: "item", title: null, load: async () => (await import("./item/page.js")).ItemPage },
  { name: "map", title: text.pages.map, load: async () => (await import("./map/page.js")).MapPage },
  { name: "try", title: text.pages.try, load: async () => (await import("./try/page.js")).TryPage },
  { name: "code", title: text.pages.code, load: async () => (await import("./coding/page.js")).CodePage },
  { name: "results", title: text.pages.results, load: async () => (await import("./results/page.js")).ResultsPage },
];
