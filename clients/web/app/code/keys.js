/** Keys of the coder's page. */

/** @typedef {import("./desk.js").Desk} Desk */
/** @typedef {{help: boolean, guide: boolean, review: boolean, zoom: boolean, open: boolean, peek: boolean, leave: boolean}} View
 *   what is shown beside the item; `open`: not blurred while a key is held, `peek`: not blurred after a click */
/** @typedef {{desk: Desk, view: View, setView: (change: Partial<View>) => void, blur: boolean, setBlur: (on: boolean) => void}} Page */

import { isChoice } from "./answers.js";

/** The choice that a digit names: 1-9, or with shift 10-18; 0 for none. @param {KeyboardEvent} event */
export function numberOf(event) {
  if (/^[1-9]$/.test(event.key)) return Number(event.key);
  const digit = /^Digit([1-9])$/.exec(event.code); // on keyboards whose digits need shift, too
  return digit ? Number(digit[1]) + (event.shiftKey ? 9 : 0) : 0;
}

/** The name of the key of a choice. @param {number} place from 0 */
export function keyOf(place) {
  if (place < 9) return String(place + 1);
  return place < 18 ? `⇧${place - 8}` : "";
}

/** @param {EventTarget | null} target */
function isText(target) {
  return target instanceof HTMLTextAreaElement || (target instanceof HTMLInputElement && target.type === "text");
}

/** Whether the key belongs to the element that has the focus. @param {EventTarget | null} target @param {string} [others] */
function isPressable(target, others = "") {
  return target instanceof Element && target.closest(`button, a, summary${others}`) !== null;
}

/** @param {KeyboardEvent} event @param {Page} page */
export function onKeyDown(event, page) {
  if (event.ctrlKey || event.altKey || event.metaKey || event.isComposing) return;
  const { view, setView } = page;
  if (view.help || view.review || view.leave) return; // their own keys
  if (isText(event.target)) inText(event, page);
  else if (shows(event)) {
    event.preventDefault();
    if (!event.repeat) setView({ open: true });
  } else if (!(event.key === "Enter" && isPressable(event.target)) && onKey(event, page)) event.preventDefault();
}

/** @param {KeyboardEvent} event @param {Page} page */
export function onKeyUp(event, { setView }) {
  if (event.key === " " || event.key.toLowerCase() === "v") setView({ open: false });
}

/** @param {KeyboardEvent} event */
function shows(event) {
  return (event.key === " " && !isPressable(event.target, ", input[type=checkbox]")) || event.key === "v";
}

/** Keys while a text is written. @param {KeyboardEvent} event @param {Page} page */
function inText(event, { desk }) {
  const field = /** @type {HTMLElement} */ (event.target);
  if (event.key === "Escape") field.blur();
  else if (event.key === "Enter" && !event.shiftKey && !event.repeat) {
    field.blur();
    desk.since = event.timeStamp;
    desk.goOn();
  } else return;
  event.preventDefault();
}

/** Whether the key means something. @param {KeyboardEvent} event @param {Page} page */
function onKey(event, { desk, view, setView, blur, setBlur }) {
  const isSlider = event.target instanceof HTMLInputElement && event.target.type === "range";
  const arrow = { ArrowUp: -1, ArrowDown: 1 }[event.key];
  if (view.zoom && event.key.startsWith("Arrow")) return false; // the picture moves
  if (arrow) {
    desk.move(arrow);
    return true;
  }
  if (event.repeat) return !isSlider; // a key that is held does not code item after item
  const variable = desk.variables[desk.cursor];
  const number = numberOf(event);
  const choice = number && variable && isChoice(variable) ? desk.options(variable)[number - 1] : undefined;
  desk.since = event.timeStamp;
  if (variable && choice) desk.pick(variable, choice);
  else if (event.key === "0" && variable) desk.cannotTell(variable);
  else if ((event.key === "Backspace" || event.key === "Delete") && variable) desk.answer(variable, null);
  else if (event.key === "Enter") desk.goOn();
  else if (event.key === "ArrowLeft" && !isSlider) desk.back();
  else if (event.key === "ArrowRight" && !isSlider) desk.forward();
  else if (event.key === "Escape") setView({ zoom: false, guide: false });
  else return onLetter(event.key.toLowerCase(), { desk, view, setView, blur, setBlur });
  return true;
}

/** @param {string} letter @param {Page} page */
function onLetter(letter, { desk, view, setView, blur, setBlur }) {
  const variable = desk.variables[desk.cursor];
  if (letter === "u") desk.undo();
  else if (letter === "n") document.getElementById("note")?.focus();
  else if (letter === "b") setBlur(!blur);
  else if (letter === "d") setView({ guide: !view.guide });
  else if (letter === "z") setView({ zoom: !view.zoom });
  else if (letter === "r") setView({ review: true });
  else if (letter === "o" && variable && desk.about.role === "adjudicator") desk.another(variable);
  else if (letter === "h" || letter === "?") setView({ help: true });
  else return false;
  return true;
}
