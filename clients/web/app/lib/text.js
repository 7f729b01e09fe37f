/** All texts of the pages, in the language of the page. A translation is another file of the same shape in strings/. */
import en from "../../strings/en.js";

export const text = en;
