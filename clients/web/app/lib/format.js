/** Numbers, sizes and times as people read them, in the language of the page. */
import { language } from "./language.js";

const numbers = new Intl.NumberFormat(language);
const times = new Intl.DateTimeFormat(language, { dateStyle: "medium", timeStyle: "short" });

/** A whole number with separators of thousands. @param {number} value */
export function count(value) {
  return numbers.format(value);
}

/** A number with some significant digits. @param {number} value @param {number} [digits] */
export function number(value, digits = 3) {
  return new Intl.NumberFormat(language, { maximumSignificantDigits: digits }).format(value);
}

/** A value of a column: whole numbers exactly, others with five significant digits. @param {number} value */
export function cell(value) {
  return Number.isInteger(value) ? count(value) : number(value, 5);
}

/** A share as a percentage. @param {number} value @param {number} [digits] */
export function percent(value, digits = 1) {
  return new Intl.NumberFormat(language, { style: "percent", maximumFractionDigits: digits }).format(value);
}

/** A size in bytes. @param {number} value */
export function bytes(value) {
  const units = ["byte", "kilobyte", "megabyte", "gigabyte", "terabyte"];
  const power = Math.min(Math.floor(Math.log10(Math.max(value, 1)) / 3), units.length - 1);
  return new Intl.NumberFormat(language, {
    style: "unit",
    unit: units[power] ?? "byte",
    maximumSignificantDigits: 3,
  }).format(value / 1000 ** power);
}

/** A time, from ISO 8601. @param {string} value */
export function time(value) {
  return times.format(new Date(value));
}
