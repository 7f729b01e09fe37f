/** Pictures of this computer that a search starts from. They stay in this tab, and are sent with each search. */
import { ApiError } from "../lib/api.js";
import { text } from "../lib/text.js";

/** @type {Map<string, File>} */
const pictures = new Map();

/** Keep a picture, and return its number for the address. @param {File} file */
export function keepPicture(file) {
  const number = `${pictures.size + 1}`;
  pictures.set(number, file);
  return number;
}

/** @param {string} number @returns {File} */
export function pictureOf(number) {
  const file = pictures.get(number);
  if (!file) throw new ApiError(422, "picture_gone", text.look.pictureGone, null);
  return file;
}

/** The name of a picture's file. @param {string} number */
export const nameOfPicture = (number) => pictures.get(number)?.name ?? "";

/** @param {File} file @returns {Promise<string>} */
export async function base64Of(file) {
  const bytes = new Uint8Array(await file.arrayBuffer());
  let made = "";
  for (let i = 0; i < bytes.length; i += 0x8000) made += String.fromCharCode(...bytes.subarray(i, i + 0x8000));
  return btoa(made);
}
