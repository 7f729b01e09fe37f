/** Answers to the item that is shown, before they are saved. */
import {
  allEqual,
  CANNOT_TELL,
  firstMissing,
  fitting,
  isChoice,
  isOneChoice,
  isRequired,
  optionsGiven,
  optionsOf,
  toggled,
} from "./answers.js";
import { Attempts } from "./attempts.js";

/** @typedef {import("./answers.js").Unit} Unit */
/** @typedef {import("./answers.js").Codes} Codes */
/** @typedef {import("./answers.js").About} About */
/** @typedef {import("./answers.js").Variable} Variable */
/** @typedef {import("./answers.js").Option} Option */
/** @typedef {import("./drafts.js").Draft} Draft */
const SOON = 80; // milliseconds after which the page shows that it saves: mostly the next item is there by then

export class Answering extends Attempts {
  /** @param {About} about @param {import("./drafts.js").Drafts} drafts */
  constructor(about, drafts) {
    super();
    this.about = about;
    this.drafts = drafts;
    this.automatic = false; // whether a choice saves and goes on
    /** @type {Unit | null} */
    this.unit = null;
    /** @type {Draft} */
    this.draft = { codes: {}, note: "" };
    /** @type {Codes[]} */
    this.before = []; // of this item, for `undo`
    this.writing = ""; // the variable that was changed last
    this.cursor = 0;
    this.moved = false; // whether the coder went to the variable by a key; texts then take the keys
    this.remark = ""; // "missing", "nothing", "nothingToUndo" or "restored"
    this.visible = false; // whether the pictures are on the screen
    /** @type {Set<string>} */
    this.free = new Set(); // variables for which an adjudicator wants another value than those given
    this.showing = 0; // timer of a change that is shown soon
  }

  /** Save the codes and go on. */
  async goOn() {}

  /** The variables to code: of an adjudicator those on which coders differ. @returns {Variable[]} */
  get variables() {
    const all = this.about.codebook?.variables ?? [];
    if (this.about.role === "coder") return all;
    return all.filter((variable) => this.unit?.differing.some((each) => each.variable === variable.name));
  }

  get isDirty() {
    const unit = this.unit;
    return unit !== null && (this.draft.note !== unit.note || !allEqual(this.draft.codes, unit.codes));
  }

  /** @param {Partial<import("./desk.js").Desk>} what */
  set(what) {
    clearTimeout(this.showing);
    Object.assign(this, what);
    this.onChange();
  }

  /** The same for a change that the next one mostly replaces before anybody sees it. @param {Partial<import("./desk.js").Desk>} what */
  setSoon(what) {
    clearTimeout(this.showing);
    Object.assign(this, what);
    this.showing = setTimeout(() => this.onChange(), SOON);
  }

  /** Whether answers are taken: not while they are saved, nor before the picture is there. */
  get takesAnswers() {
    return (
      this.unit !== null &&
      this.visible &&
      (this.phase === "coding" || this.phase === "failed" || this.phase === "refused")
    );
  }

  /** Set the code of a variable, or take it away; then go to the next variable, or on. @param {Variable} variable @param {Codes[string] | null} code @param {boolean} [whole] whether that is the whole answer */
  answer(variable, code, whole = true) {
    if (!this.takesAnswers) return;
    const codes = { ...this.draft.codes };
    if (code) codes[variable.name] = code;
    else delete codes[variable.name];
    const goesOn = !isChoice(variable) && this.writing === variable.name && this.before.length > 0;
    if (!goesOn) this.before.push(this.draft.codes); // a text or a slider's way is one step back
    this.writing = variable.name;
    const change = { draft: { ...this.draft, codes }, remark: "" };
    if (code && whole && this.automatic && isRequired(variable) && isOneChoice(this.variables)) {
      this.setSoon(change);
      this.goOn();
      return;
    }
    this.set(change);
    this.keep();
    if (!code || !whole) return;
    const next = firstMissing(this.variables, codes, { from: this.variables.indexOf(variable), texts: false });
    if (next >= 0) this.set({ cursor: next, moved: false });
  }

  /** The options of a variable in the order of their keys: of an adjudicator, first the codes given. @param {Variable} variable @returns {Option[]} */
  options(variable) {
    const given = this.unit?.differing.find((each) => each.variable === variable.name);
    return given && !this.free.has(variable.name) ? optionsGiven(given.codes) : optionsOf(variable);
  }

  /** @param {Variable} variable @param {Option} option */
  pick(variable, option) {
    if (!variable.multiple || option.count) this.answer(variable, option.code);
    else this.answer(variable, toggled(variable, this.draft.codes[variable.name], option.name), false);
  }

  /** Show all categories to an adjudicator, or the codes given again. @param {Variable} variable */
  another(variable) {
    if (!this.free.delete(variable.name)) this.free.add(variable.name);
    this.onChange();
  }

  /** @param {Variable} variable */
  cannotTell(variable) {
    if (variable.cannot_tell) this.answer(variable, CANNOT_TELL);
  }

  /** @param {string} note */
  setNote(note) {
    this.set({ draft: { ...this.draft, note } });
    this.keep();
  }

  /** Keep what is on the page in this browser, until it is saved. */
  keep() {
    if (this.unit && this.isDirty) this.drafts.keep(this.unit.key, this.draft);
    else this.drafts.drop();
  }

  /** The codes of an item as they are on the server, or as they were left in this browser. @param {Unit} unit @returns {{draft: Draft, remark: string}} */
  begun(unit) {
    const kept = this.drafts.of(unit.key);
    const codes = kept ? fitting(this.variables, kept.codes) : {};
    const draft = { codes: { ...unit.codes, ...codes }, note: kept?.note || unit.note };
    return { draft, remark: allEqual(draft.codes, unit.codes) && draft.note === unit.note ? "" : "restored" };
  }

  /** @param {import("./attempts.js").Phase} phase @param {Error} error */
  fail(phase, error) {
    this.keep();
    super.fail(phase, error);
  }

  /** @param {number} step */
  move(step) {
    const last = this.variables.length - 1;
    this.set({ cursor: Math.min(Math.max(this.cursor + step, 0), last), moved: true, remark: "" });
  }
}
