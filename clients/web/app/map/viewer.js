/**
 * The frame of the map: points on a canvas, without an origin, so without cookies, pictures and the API. It gets the
 * points from the page, and tells it where the pointer is and what the lasso has caught. A script, not a module: a
 * document without an origin may not load modules.
 */

(() => {
  /**
   * @typedef {{type: "draw", x: Float32Array, y: Float32Array, z: Float32Array, colours: string[], size: number}} Draw
   *   `x`, `y` from -1 to 1, `z` the number of each point's colour
   * @typedef {{type: "theme", ground: number[], active: string}} Theme
   * @typedef {{type: "mode", lasso: boolean} | {type: "select" | "filter", points: number[] | null} | {type: "focus", point: number | null}} Other
   * @typedef {{type: "zoom", by: number} | {type: "pan", x: number, y: number} | {type: "reset"}} Camera
   * @typedef {Draw | Theme | Other | Camera} Message
   */
  const page = window.parent;
  const host = new URL(location.href).origin;
  const canvas = /** @type {HTMLCanvasElement} */ (document.getElementById("canvas"));
  const tell = (/** @type {object} */ message) => page.postMessage(message, host);
  const library = /** @type {any} */ (globalThis); // the vendored scripts have no types

  /** @type {any} the plot; its package's types are not vendored */
  let plot = null;
  let n = 0;
  let lasso = false;
  /** @type {number | null} */
  let focus = null;
  /** @type {Float32Array[]} */
  let places = [];
  let drawn = Promise.resolve();
  /** @type {Draw | null} */
  let newest = null;

  const where = (/** @type {number | null} */ point) => (point === null || !n ? null : plot.getScreenPosition(point));

  function start() {
    plot = library.createScatterplot.default({
      canvas,
      width: "auto",
      height: "auto",
      spatialIndexUseWorker: false,
      lassoInitiator: false,
      lassoMinDelay: 4,
      showReticle: false,
      deselectOnDblClick: false,
      deselectOnEscape: false,
      pointColorHover: "#888888",
      pointSizeSelected: 1,
      opacityInactiveMax: 0.35,
      actionKeyMap: { lasso: "shift", merge: "cmd", remove: "alt" },
    });
    fit();
    window.addEventListener("resize", fit);
    plot.subscribe("pointOver", (/** @type {number} */ point) => tell({ type: "over", point, at: where(point) }));
    plot.subscribe("pointOut", () => tell({ type: "over", point: null, at: null }));
    plot.subscribe("lassoStart", () => {
      lasso = true;
    });
    plot.subscribe("select", (/** @type {{points: number[]}} */ { points }) => {
      tell({ type: lasso ? "lasso" : "click", points: [...points] });
    });
    plot.subscribe("lassoEnd", () => {
      lasso = false;
    });
    plot.subscribe("deselect", () => tell({ type: "deselect" }));
    plot.subscribe("view", () => tell({ type: "view", at: where(focus) }));
    window.addEventListener("keydown", (event) => {
      if (event.key === "Tab" || event.key === "Shift") return;
      tell({ type: "key", key: event.key, shift: event.shiftKey });
    });
  }

  /** The library draws no larger than the screen, which some browsers state too small. */
  function fit() {
    plot.get("renderer").resize(window.innerWidth, window.innerHeight);
    plot.redraw();
  }

  /** Draw after what is being drawn; of several that wait, the newest alone. @param {Draw} message */
  function draw(message) {
    newest = message;
    const next = () => (newest === message ? paint(message) : undefined);
    drawn = drawn.then(next, next);
    return drawn;
  }

  /** @param {Draw} message */
  function paint({ x, y, z, colours, size }) {
    n = x.length;
    places = [x, y];
    focus = null;
    plot.set({ pointColor: colours, colorBy: "valueA", pointSize: size, opacity: n > 20_000 ? 0.6 : 0.85 });
    return plot.draw({ x, y, z }, { zDataType: "categorical" }).then(() => tell({ type: "drawn", n }));
  }

  /** Show a point, and where it is; the view moves where it is outside. @param {number | null} point */
  function show(point) {
    focus = point;
    plot.hover(point ?? -1, { preventEvent: true, showReticleOnce: true });
    const at = where(point);
    const outside = at && (at[0] < 0 || at[1] < 0 || at[0] > canvas.clientWidth || at[1] > canvas.clientHeight);
    if (!outside || point === null) tell({ type: "view", at });
    else plot.zoomToLocation([places[0]?.[point], places[1]?.[point]], plot.get("cameraDistance"));
  }

  /** @type {Record<string, (message: any) => unknown>} a message has the fields of its type */
  const work = {
    draw,
    theme: (/** @type {Theme} */ { ground, active }) =>
      plot.set({ backgroundColor: ground, pointColorActive: active, lassoColor: active }),
    mode: ({ lasso: on }) => plot.set({ mouseMode: on ? "lasso" : "panZoom" }),
    select: ({ points }) =>
      points?.length ? plot.select(points, { preventEvent: true }) : plot.deselect({ preventEvent: true }),
    filter: ({ points }) =>
      points ? plot.filter(points, { preventEvent: true }) : plot.unfilter({ preventEvent: true }),
    focus: ({ point }) => show(point),
    zoom: ({ by }) => plot.zoomToLocation(plot.get("cameraTarget"), plot.get("cameraDistance") / by),
    pan: ({ x, y }) => {
      const [left, up] = plot.get("cameraTarget");
      const distance = plot.get("cameraDistance");
      return plot.zoomToLocation([left + x * distance, up + y * distance], distance);
    },
    reset: () => plot.reset(),
  };

  window.addEventListener("message", (event) => {
    if (event.source !== page || event.origin !== host) return;
    const message = /** @type {Message} */ (event.data);
    if (message.type === "draw" || message.type === "theme") work[message.type]?.(message);
    else drawn.then(() => work[message.type]?.(message));
  });

  try {
    start();
    tell({ type: "ready" });
  } catch (error) {
    tell({ type: "failed", about: String(error) });
  }
})();
