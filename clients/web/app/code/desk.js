/**
 * A coder's desk: the item that is shown, its answers, and what is saved.
 *
 * The next item is shown only after the server has answered that the codes are on disk. Codes that could not be saved
 * stay on the page, which tries again by itself.
 */
import { path } from "../lib/api.js";
import { Answering } from "./answering.js";
import { firstMissing } from "./answers.js";

/** @typedef {import("../lib/api.js").Schemas} Schemas */
/** @typedef {import("./answers.js").Unit} Unit */
/** @typedef {import("./answers.js").Codes} Codes */
/** @typedef {import("./answers.js").About} About */
const AHEAD = 3; // items whose pictures are fetched ahead

export class Desk extends Answering {
  /** @param {About} about @param {import("./pictures.js").Pictures} pictures @param {import("./drafts.js").Drafts} drafts */
  constructor(about, pictures, drafts) {
    super(about, drafts);
    this.pictures = pictures;
    this.progress = about.progress;
    /** @type {Unit[]} */
    this.queue = [];
    /** @type {string[]} */
    this.trail = []; // items shown by this page, for going back
    /** @type {Set<string>} */
    this.skipped = new Set(); // items passed over, which come again at the end
    /** @type {Set<string>} */
    this.painted = new Set(); // pictures that are on the screen
    this.since = 0; // time of the key that led here
  }

  /** Show the first item to code. */
  async start() {
    await this.tried(async () => {
      this.set({ phase: "loading", error: null });
      /** @type {Schemas["UnitList"]} */
      const found = await this.ask("v1/coding/next", { query: { limit: AHEAD } });
      this.follow(found.data, found.progress);
    });
  }

  /** Read the codebook again, where the server refuses codes because it has changed; answers that still fit stay. */
  async renew() {
    await this.tried(async () => {
      /** @type {About} */
      const about = await this.ask("v1/coding");
      const names = about.codebook?.variables.map((variable) => variable.name) ?? [];
      const codes = Object.fromEntries(Object.entries(this.draft.codes).filter(([name]) => names.includes(name)));
      this.set({ about, draft: { ...this.draft, codes }, cursor: 0, before: [], error: null });
      if (this.unit) this.set({ phase: "coding" });
      else await this.start();
    });
  }

  /** Go to the first of the items to come that was not passed over. @param {Unit[]} queue @param {Schemas["OwnProgress"]} progress */
  follow(queue, progress) {
    let next = queue.find((unit) => !this.skipped.has(unit.key));
    if (!next) {
      this.skipped.clear();
      next = queue[0];
    }
    this.queue = queue.filter((unit) => unit !== next);
    this.progress = progress;
    if (next) this.show(next);
    else this.set({ phase: "finished", unit: null });
  }

  /** Show an item with its codes as they are on the server. @param {Unit} unit */
  show(unit) {
    if (!this.trail.includes(unit.key)) this.trail.push(unit.key);
    if (unit.key !== this.unit?.key) {
      this.painted.clear();
      this.free.clear();
      this.visible = unit.pictures.length === 0;
    }
    this.unit = unit;
    this.pictures.want([...unit.pictures, ...this.pictures.held.keys()]);
    if (this.visible) this.fetchAhead();
    const { draft, remark } = this.begun(unit);
    const missing = firstMissing(this.variables, draft.codes);
    this.set({ phase: "coding", error: null, draft, remark, before: [], cursor: Math.max(missing, 0), moved: false });
  }

  /** Note that a picture of the item is on the screen, or cannot be shown. @param {string} picture */
  seen(picture) {
    this.painted.add(picture);
    if (this.visible || !this.unit?.pictures.every((each) => this.painted.has(each))) return;
    if (this.since) performance.measure("key to picture", { start: this.since, end: performance.now() });
    this.set({ since: 0, visible: true });
    this.fetchAhead();
  }

  /** Fetch the pictures of the next items, once those of this one are on the screen. */
  fetchAhead() {
    const waiting = this.queue.filter((each) => each !== this.unit && !this.skipped.has(each.key));
    this.pictures.want([this.unit, ...waiting].flatMap((each) => each?.pictures ?? []));
  }

  /** Save the codes and go on, unless one that is required is missing. */
  async goOn() {
    if (!this.takesAnswers) return;
    const decides = this.about.role === "adjudicator";
    const missing = firstMissing(this.variables, this.draft.codes, { required: !decides });
    if (missing >= 0) this.set({ cursor: missing, moved: true, remark: "missing" });
    else if (!Object.keys(this.draft.codes).length) this.set({ remark: "nothing" });
    else await this.save();
  }

  /** Save what is on the page, then go on. */
  save() {
    return this.tried(async () => {
      const answer = await this.put(Math.min(AHEAD + this.skipped.size, 20));
      if (answer) this.follow(answer.next, answer.progress);
    });
  }

  /** @param {number} following @returns {Promise<Schemas["SavedCodes"] | null>} null where there is nothing on the page */
  async put(following) {
    const { unit, draft } = this;
    if (!unit) return null;
    this.setSoon({ phase: "saving", remark: "" });
    /** @type {Codes} */
    const codes = { ...draft.codes };
    for (const name of Object.keys(unit.codes)) codes[name] ??= { value: null, cannot_tell: false };
    const json = { codes, note: draft.note, following };
    /** @type {Schemas["SavedCodes"]} */
    const answer = await this.ask(path`v1/coding/units/${unit.key}/codes`, { method: "PUT", json });
    this.unit = answer.unit;
    this.progress = answer.progress;
    this.drafts.drop();
    return answer;
  }

  /** Take back the last change on this page, or else what was saved last. */
  async undo() {
    if (this.phase !== "coding" && this.phase !== "finished" && this.phase !== "refused") return;
    const codes = this.before.pop();
    if (codes) {
      this.set({ draft: { ...this.draft, codes }, remark: "", writing: "" });
      this.keep();
      return;
    }
    await this.tried(
      async () => {
        /** @type {Schemas["UndoneCodes"]} */
        const undone = await this.ask("v1/coding/undo", { method: "POST" });
        this.progress = undone.progress;
        if (!undone.unit) this.set({ remark: "nothingToUndo" });
        else this.show(undone.unit);
      },
      () => this.start(),
    ); // a second request would take back more, if only the answer to the first one was lost
  }

  /** Go to an item, having saved what is on the page. @param {string} key */
  async open(key) {
    await this.tried(async () => {
      if (this.unit && this.isDirty) await this.put(0);
      this.set({ phase: "saving" });
      this.show(await this.ask(path`v1/coding/units/${key}`));
    });
  }

  /** To the item shown before. */
  async back() {
    const key = this.trail[(this.unit ? this.trail.indexOf(this.unit.key) : this.trail.length) - 1];
    if (key && (this.phase === "coding" || this.phase === "finished")) await this.open(key);
  }

  /** To the item shown after this one, or to one to be coded; this one comes again later if it is not coded. */
  async forward() {
    const { unit } = this;
    if (!unit || this.phase !== "coding") return;
    const key = this.trail[this.trail.indexOf(unit.key) + 1];
    if (key) return this.open(key);
    await this.tried(async () => {
      if (this.isDirty) await this.put(0);
      this.skipped.add(unit.key);
      this.set({ phase: "saving" });
      /** @type {Schemas["UnitList"]} */
      const found = await this.ask("v1/coding/next", { query: { limit: Math.min(this.skipped.size + AHEAD, 100) } });
      this.follow(found.data, found.progress);
    });
  }
}
