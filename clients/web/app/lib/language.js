/** The language of the pages, for numbers and times. */
export const language = "en";
