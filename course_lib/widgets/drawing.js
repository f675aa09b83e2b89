// The parts that every picture is made of: elements, planes, arrows, handles, bars, matrices, and the way back to Python.
// Text from outside goes into the page as text nodes only, never as markup.

/** @typedef {"x" | "query" | "key" | "value" | "output"} Kind */
/** @typedef {{x: number, y: number, width: number, height: number}} Box */
/** @typedef {Record<string, string | number | boolean | null | ((event: any) => void)>} Attributes */
/**
 * What a widget needs of anywidget's model.
 * @typedef {object} Model
 * @property {(name: string) => any} get
 * @property {(name: string, value: any) => void} set
 * @property {() => void} save_changes
 * @property {(event: string, callback: () => void) => void} on
 * @property {(event: string, callback: () => void) => void} off
 */

const SVG_NAMESPACE = "http://www.w3.org/2000/svg";
const SYNC_EVERY = 50; // milliseconds: the kernel hears of a drag at most twenty times a second
const SAY_AFTER = 700; // milliseconds of rest before a change is read out

// ---- elements -------------------------------------------------------------------------------------------------------

/**
 * @param {Element} node
 * @param {Attributes} attributes
 * @param {(Node | string)[]} children
 */
function furnish(node, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === "function") node.addEventListener(name, value);
    else if (value !== null && value !== false) node.setAttribute(name, value === true ? "" : String(value));
  }
  node.append(...children);
}

/**
 * Make an HTML element; a function among the attributes listens to the event of that name.
 * @template {keyof HTMLElementTagNameMap} Name
 * @param {Name} name
 * @param {Attributes} [attributes]
 * @param {...(Node | string)} children
 * @returns {HTMLElementTagNameMap[Name]}
 */
export function html(name, attributes = {}, ...children) {
  const node = document.createElement(name);
  furnish(node, attributes, children);
  return node;
}

/**
 * Make an SVG element.
 * @template {keyof SVGElementTagNameMap} Name
 * @param {Name} name
 * @param {Attributes} [attributes]
 * @param {...(Node | string)} children
 * @returns {SVGElementTagNameMap[Name]}
 */
export function svg(name, attributes = {}, ...children) {
  const node = document.createElementNS(SVG_NAMESPACE, name);
  furnish(node, attributes, children);
  return node;
}

/**
 * Write text into an element that holds text only; does nothing where it is there already.
 * @param {Element} node
 * @param {string} text
 */
export function setText(node, text) {
  const child = node.firstChild;
  if (child === null) node.append(text);
  else if (child.nodeValue !== text) child.nodeValue = text;
}

/**
 * Set attributes; those that are there already are left alone.
 * @param {Element} node
 * @param {Record<string, string | number>} attributes
 */
export function setAttributes(node, attributes) {
  for (const [name, value] of Object.entries(attributes)) {
    if (node.getAttribute(name) !== String(value)) node.setAttribute(name, String(value));
  }
}

/**
 * An id that no other widget on the page has.
 * @param {string} stem
 */
export function uniqueId(stem) {
  return `${stem}-${Math.random().toString(36).slice(2, 10)}`;
}

/**
 * A number as in a cell: fixed decimals, a true minus sign, never a minus before zero.
 * @param {number} number
 * @param {number} [decimals]
 */
export function written(number, decimals = 2) {
  if (Number.isNaN(number)) return "?";
  if (!Number.isFinite(number)) return number > 0 ? "∞" : "−∞";
  const text = number.toFixed(
    Math.abs(number) >= 1000 ? 0 : Math.abs(number) >= 100 ? Math.min(1, decimals) : decimals,
  );
  return Number(text) === 0 ? text.replace("-", "") : text.replace("-", "−");
}

/**
 * A number as read out: "minus 1.2" would be lost on some screen readers, so the plain hyphen stays.
 * @param {number} number
 */
export function spoken(number) {
  return written(number).replace("−", "-");
}

/**
 * A token as it is named in a sentence: words in quotation marks, numbers bare.
 * @param {string} token
 */
export function quoted(token) {
  return /^\d+$/.test(token) ? token : `“${token}”`;
}

/** @param {number} weight */
export function percent(weight) {
  return `${Math.round(100 * weight)} %`;
}

/**
 * A word cut to the room there is.
 * @param {string} word
 * @param {number} [most]
 */
export function shortened(word, most = 9) {
  const letters = Array.from(word);
  return letters.length > most ? `${letters.slice(0, most - 1).join("")}…` : word;
}

// ---- time -----------------------------------------------------------------------------------------------------------

/**
 * Draw at most once a frame, however often it is asked for.
 * @param {() => void} draw
 */
export function painter(draw) {
  let waiting = 0;
  const paint = () => {
    waiting = 0;
    draw();
  };
  return {
    request() {
      if (waiting === 0) waiting = requestAnimationFrame(paint);
    },
    stop() {
      cancelAnimationFrame(waiting);
      waiting = 0;
    },
  };
}

/**
 * Tell the kernel what changed: at once when the hand rests, and a few times a second while it moves.
 * @param {Model} model
 */
export function kernelSync(model) {
  /** @type {ReturnType<typeof setTimeout> | null} */
  let timer = null;
  let last = -Infinity;
  const send = () => {
    if (timer !== null) clearTimeout(timer);
    timer = null;
    last = performance.now();
    model.save_changes();
  };
  return {
    touch() {
      if (timer === null) timer = setTimeout(send, Math.max(0, SYNC_EVERY - (performance.now() - last)));
    },
    rest() {
      if (timer !== null) send();
    },
    stop() {
      if (timer !== null) send();
    },
  };
}

/**
 * A live region: what is said last is read out once the picture has come to rest.
 * @param {Element} root
 */
export function announcer(root) {
  const region = html("div", { class: "cw-unseen", "aria-live": "polite", role: "status" });
  root.append(region);
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer;
  return {
    /** @param {() => string} sentence asked for when it is time to speak */
    say(sentence) {
      clearTimeout(timer);
      timer = setTimeout(() => setText(region, sentence()), SAY_AFTER);
    },
    stop() {
      clearTimeout(timer);
    },
  };
}

// ---- theme ----------------------------------------------------------------------------------------------------------

/** @returns {"light" | "dark"} */
function pageTheme() {
  const { jpThemeLight, vscodeThemeKind } = document.body.dataset;
  if (jpThemeLight !== undefined) return jpThemeLight === "false" ? "dark" : "light";
  if (vscodeThemeKind !== undefined) return /light/.test(vscodeThemeKind) ? "light" : "dark";
  const page = document.documentElement.dataset.theme;
  if (page === "light" || page === "dark") return page;
  return matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
}

/**
 * Keep `data-theme` of an element at the page's theme: JupyterLab's, VS Code's, the page's, the system's.
 * @param {HTMLElement} root
 * @param {() => void} changed called after every change
 * @returns {() => void} stops watching
 */
export function watchTheme(root, changed) {
  const look = () => {
    const theme = pageTheme();
    if (root.dataset.theme === theme) return;
    root.dataset.theme = theme;
    changed();
  };
  const observer = new MutationObserver(look);
  observer.observe(document.body, { attributeFilter: ["data-jp-theme-light", "data-vscode-theme-kind"] });
  observer.observe(document.documentElement, { attributeFilter: ["data-theme"] });
  const query = matchMedia("(prefers-color-scheme: dark)");
  query.addEventListener("change", look);
  look();
  return () => {
    observer.disconnect();
    query.removeEventListener("change", look);
  };
}

const WEIGHT_RAMPS = {
  light: ["#ffffff", "#a9bfe8", "#4a68b0", "#16264f"],
  dark: ["#14171c", "#2c4272", "#5f86d6", "#cfdeff"],
};

/** @param {string} colour as #rrggbb */
function channels(colour) {
  return [1, 3, 5].map((start) => parseInt(colour.slice(start, start + 2), 16));
}

/** @param {number[]} rgb */
function luminance(rgb) {
  const [red, green, blue] = rgb.map((channel) => {
    const part = channel / 255;
    return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}

/**
 * The colours of a matrix cell that holds a weight: the darker (on a dark page, the brighter) the more. The number on it
 * is black or white, whichever stands out more; one of the two always has a contrast of 4.5 to 1 or better.
 * @param {number} weight between 0 and 1
 * @param {string | undefined} theme
 * @returns {{background: string, text: string}}
 */
export function weightColours(weight, theme) {
  const ramp = WEIGHT_RAMPS[theme === "dark" ? "dark" : "light"];
  const place = Math.min(Math.max(weight, 0), 1) * (ramp.length - 1);
  const below = Math.min(Math.floor(place), ramp.length - 2);
  const [low, high] = [channels(ramp[below]), channels(ramp[below + 1])];
  const rgb = low.map((channel, index) => Math.round(channel + (high[index] - channel) * (place - below)));
  const bright = luminance(rgb);
  const text = (bright + 0.05) / 0.05 > 1.05 / (bright + 0.05) ? "#000000" : "#ffffff";
  return { background: `rgb(${rgb.join(",")})`, text };
}

// ---- the plane ------------------------------------------------------------------------------------------------------

const MARGIN = 12; // pixels between the outermost grid line and the edge of the plane

/**
 * A square of the plane with grid, axes and numbers; one unit of its drawing is one pixel of the page.
 */
export class Plane {
  /**
   * @param {string} label
   * @param {() => void} resized called when it has a new size and must be drawn again
   */
  constructor(label, resized) {
    this.size = 260;
    this.extent = 3; // where the grid ends
    this.edge = 3; // how far a handle goes
    this.drawnFor = "";
    this.family = "sans-serif";
    this.grid = svg("g", { class: "cw-grid", "aria-hidden": "true" });
    this.below = svg("g", { "aria-hidden": "true" });
    this.arrows = svg("g", { "aria-hidden": "true" });
    this.handles = svg("g");
    this.labels = svg("g", { class: "cw-labels", "aria-hidden": "true" });
    this.element = svg(
      "svg",
      { class: "cw-plane", role: "group", "aria-label": label },
      this.grid,
      this.below,
      this.arrows,
      this.labels,
      this.handles,
    );
    this.observer = new ResizeObserver((entries) => {
      const width = Math.round(entries[0].contentRect.width);
      if (width === 0 || width === this.size) return;
      this.size = width;
      resized();
    });
    this.observer.observe(this.element);
  }

  stop() {
    this.observer.disconnect();
  }

  get unit() {
    return (this.size / 2 - MARGIN) / this.extent;
  }

  /**
   * From the plane's numbers to pixels.
   * @param {readonly number[]} point
   * @returns {[number, number]}
   */
  place(point) {
    return [this.size / 2 + point[0] * this.unit, this.size / 2 - point[1] * this.unit];
  }

  /**
   * From a place on the screen to the plane's numbers.
   * @param {number} clientX
   * @param {number} clientY
   * @returns {[number, number]}
   */
  numbers(clientX, clientY) {
    const frame = this.element.getBoundingClientRect();
    const toPixels = this.size / (frame.width || 1);
    return [
      ((clientX - frame.left) * toPixels - this.size / 2) / this.unit,
      (this.size / 2 - (clientY - frame.top) * toPixels) / this.unit,
    ];
  }

  /**
   * Show numbers up to `extent`, and draw the grid anew where that or the size has changed.
   * @param {number} extent
   */
  frame(extent) {
    this.extent = extent;
    this.edge = extent;
    const drawnFor = `${this.size} ${extent}`;
    if (this.drawnFor === drawnFor) return;
    this.drawnFor = drawnFor;
    this.family = getComputedStyle(this.element).fontFamily || "sans-serif";
    setAttributes(this.element, { viewBox: `0 0 ${this.size} ${this.size}` });
    const step = gridStep(extent);
    const [low, high] = [MARGIN, this.size - MARGIN];
    const middle = this.size / 2;
    let lines = "";
    const numbers = [];
    for (let line = -Math.floor(extent / step); line * step <= extent; line += 1) {
      const [x, y] = this.place([line * step, line * step]);
      if (line === 0) continue;
      lines += `M${x} ${low}V${high}M${low} ${y}H${high}`;
      if (this.unit * step < 30 && line % 2 !== 0) continue;
      numbers.push(
        svg("text", { x, y: middle + 12, "text-anchor": "middle" }, written(line * step, 0)),
        svg("text", { x: middle - 5, y: y + 4, "text-anchor": "end" }, written(line * step, 0)),
      );
    }
    this.grid.replaceChildren(
      svg("path", { class: "cw-gridline", d: lines }),
      svg("path", { class: "cw-axis", d: `M${middle} ${low}V${high}M${low} ${middle}H${high}` }),
      ...numbers,
    );
  }
}

/** @param {number} extent */
function gridStep(extent) {
  const fine = [1, 2, 5, 10, 20, 50, 100];
  return fine.find((step) => extent / step <= 4.5) ?? fine[fine.length - 1];
}

/**
 * The smallest round reach that shows `largest`.
 * @param {number} largest
 * @param {number} [least]
 */
export function roundExtent(largest, least = 3) {
  const power = 10 ** Math.floor(Math.log10(Math.max(largest, least)));
  const steps = [1, 1.5, 2, 3, 4, 5, 6, 8, 10].map((step) => step * power);
  return steps.find((step) => step >= largest && step >= least) ?? 10 * power;
}

// ---- arrows and labels ----------------------------------------------------------------------------------------------

const HEADS = { x: 9, query: 10, key: 10, value: 0, output: 14 };

/**
 * An arrow from the origin. Kinds differ by line and tip, not by colour alone: a query is solid with a full head, a key
 * dashed with an open head, a value thin with a square, an output thick.
 */
export class Arrow {
  /** @param {Kind} kind */
  constructor(kind) {
    this.kind = kind;
    this.shaft = svg("path", { class: "cw-shaft" });
    this.head = svg("path", { class: "cw-head" });
    this.element = svg("g", { class: `cw-arrow cw-${kind}` }, this.shaft, this.head);
  }

  /**
   * @param {readonly [number, number]} from in pixels
   * @param {readonly [number, number]} to in pixels
   */
  move(from, to) {
    const [dx, dy] = [to[0] - from[0], to[1] - from[1]];
    const length = Math.hypot(dx, dy);
    const size = Math.min(HEADS[this.kind], length);
    const [ux, uy] = length === 0 ? [0, 0] : [dx / length, dy / length];
    const back = this.kind === "key" ? 0 : 0.8 * size; // a full head covers the end of the shaft
    setAttributes(this.shaft, {
      d: `M${point(from[0], from[1])}L${point(to[0] - ux * back, to[1] - uy * back)}`,
    });
    setAttributes(this.head, { d: this.headPath(to, ux, uy, size) });
  }

  /**
   * @param {readonly [number, number]} tip
   * @param {number} ux
   * @param {number} uy
   * @param {number} size
   */
  headPath(tip, ux, uy, size) {
    if (this.kind === "value") return `M${point(tip[0] - 4, tip[1] - 4)}h8v8h-8Z`;
    const [left, right] = [1, -1].map((side) =>
      point(tip[0] - ux * size + side * uy * size * 0.45, tip[1] - uy * size - side * ux * size * 0.45),
    );
    return `M${left}L${point(tip[0], tip[1])}L${right}${this.kind === "key" ? "" : "Z"}`;
  }
}

/**
 * @param {number} x
 * @param {number} y
 */
export function point(x, y) {
  return `${x.toFixed(1)} ${y.toFixed(1)}`;
}

/**
 * A name beside the tip of an arrow.
 */
export class Label {
  /** @param {string} className */
  constructor(className) {
    this.element = svg("text", { class: `cw-label ${className}` });
    this.text = "";
    /** @type {readonly [number, number]} */
    this.tip = [0, 0];
    this.turn = 0;
  }

  /**
   * @param {string} text
   * @param {readonly [number, number]} tip in pixels
   */
  set(text, tip) {
    this.tip = tip;
    this.text = text;
    setText(this.element, text);
  }
}

const LABEL_HEIGHT = 14;
const ruler = typeof document === "undefined" ? null : document.createElement("canvas").getContext("2d");

/**
 * The width of a label in pixels, measured beside the page: asking the page would make it lay itself out every frame.
 * @param {string} text
 * @param {string} family
 */
function textWidth(text, family) {
  if (ruler === null) return 7 * text.length;
  ruler.font = `600 12px ${family}`;
  return ruler.measureText(text).width;
}

const TURNS = [0, 0.6, -0.6, 1.2, -1.2, 1.9, -1.9, 2.6, -2.6];

/**
 * Put every label beside its tip, beyond the arrow where there is room, else turned aside; first come, first served.
 * A label stays on the side where it is unless another is clearly better, so that it does not flicker in a drag.
 * @param {readonly Label[]} labels
 * @param {Plane} plane
 * @param {readonly (readonly [number, number])[]} tips what labels must not cover, in pixels
 */
export function placeLabels(labels, plane, tips) {
  /** @type {Box[]} */
  const taken = tips.map(([x, y]) => ({ x: x - 6, y: y - 6, width: 12, height: 12 }));
  for (const label of labels) {
    const width = textWidth(label.text, plane.family) + 4;
    let best = { cost: Infinity, box: taken[0], turn: 0 };
    for (const turn of TURNS) {
      const box = boxBeside(label, plane, width, turn);
      let cost = 25 * Math.abs(turn) - (turn === label.turn ? 30 : 0) + outside(box, plane.size);
      for (const other of taken) cost += 4 * overlap(box, other);
      if (cost < best.cost) best = { cost, box, turn };
    }
    label.turn = best.turn;
    taken.push(best.box);
    const x = Math.min(Math.max(best.box.x, 1), Math.max(1, plane.size - best.box.width - 1));
    const y = Math.min(Math.max(best.box.y, 1), plane.size - LABEL_HEIGHT - 1);
    setAttributes(label.element, { x: x.toFixed(1), y: (y + 11).toFixed(1) });
  }
}

/**
 * @param {Label} label
 * @param {Plane} plane
 * @param {number} width
 * @param {number} turn
 * @returns {Box}
 */
function boxBeside(label, plane, width, turn) {
  const [x, y] = label.tip;
  const [dx, dy] = [x - plane.size / 2, y - plane.size / 2];
  const angle = (dx === 0 && dy === 0 ? -0.8 : Math.atan2(dy, dx)) + turn;
  const centreX = x + Math.cos(angle) * (11 + width / 2);
  const centreY = y + Math.sin(angle) * (11 + LABEL_HEIGHT / 2);
  return { x: centreX - width / 2, y: centreY - LABEL_HEIGHT / 2, width, height: LABEL_HEIGHT };
}

/**
 * @param {Box} first
 * @param {Box} second
 */
function overlap(first, second) {
  const width = Math.min(first.x + first.width, second.x + second.width) - Math.max(first.x, second.x);
  const height = Math.min(first.y + first.height, second.y + second.height) - Math.max(first.y, second.y);
  return width > 0 && height > 0 ? width * height : 0;
}

/**
 * @param {Box} box
 * @param {number} size
 */
function outside(box, size) {
  const over = Math.max(0, -box.x) + Math.max(0, -box.y);
  return 30 * (over + Math.max(0, box.x + box.width - size) + Math.max(0, box.y + box.height - size));
}

// ---- handles --------------------------------------------------------------------------------------------------------

/**
 * @typedef {object} HandleOptions
 * @property {string} label
 * @property {Kind} kind
 * @property {string} help id of the text that explains the keys
 * @property {() => readonly number[]} get
 * @property {(x: number, y: number) => void} set called for every movement
 * @property {() => readonly number[]} start where Escape leads back to
 * @property {() => void} rest called when the hand lets go
 * @property {() => void} [chosen] called when it is grabbed or moved by a key
 */

/**
 * The tip of a vector, to be dragged by mouse, finger or pen, or moved by keys.
 */
export class Handle {
  /**
   * @param {Plane} plane
   * @param {HandleOptions} options
   */
  constructor(plane, options) {
    this.plane = plane;
    this.options = options;
    /** @type {[number, number] | null} from the pointer to the tip, so that the tip does not jump when grabbed */
    this.grip = null;
    this.element = svg(
      "g",
      {
        class: `cw-handle cw-${options.kind}`,
        tabindex: 0,
        role: "slider",
        "aria-label": options.label,
        "aria-roledescription": "vector",
        "aria-describedby": options.help,
        "data-lm-suppress-shortcuts": "true",
        keydown: (event) => this.press(event),
        pointerdown: (event) => this.grab(event),
        pointermove: (event) => this.drag(event),
        pointerup: () => this.release(),
        pointercancel: () => this.release(),
        lostpointercapture: () => this.release(),
      },
      svg("circle", { class: "cw-reach", r: 15 }),
      svg("circle", { class: "cw-ring", r: 10 }),
      svg("circle", { class: "cw-dot", r: 4 }),
    );
  }

  /** Put it where its vector is, and tell assistive technology. */
  draw() {
    const vector = this.options.get();
    const [x, y] = this.plane.place(vector);
    setAttributes(this.element, {
      transform: `translate(${point(x, y)})`,
      "aria-valuemin": -this.plane.edge,
      "aria-valuemax": this.plane.edge,
      "aria-valuenow": vector[0],
      "aria-valuetext": `x ${spoken(vector[0])}, y ${spoken(vector[1])}`,
    });
  }

  /**
   * @param {number} x
   * @param {number} y
   */
  moveTo(x, y) {
    const inside = (/** @type {number} */ number) =>
      Math.round(100 * Math.min(Math.max(number, -this.plane.edge), this.plane.edge)) / 100;
    this.options.set(inside(x), inside(y));
  }

  /** @param {KeyboardEvent} event */
  press(event) {
    if (event.ctrlKey || event.altKey || event.metaKey) return;
    const [x, y] = this.options.get();
    const step = event.shiftKey ? 0.5 : 0.1;
    const { edge } = this.plane;
    /** @type {Record<string, readonly number[]>} */
    const moves = {
      ArrowLeft: [x - step, y],
      ArrowRight: [x + step, y],
      ArrowUp: [x, y + step],
      ArrowDown: [x, y - step],
      Home: [-edge, y],
      End: [edge, y],
      PageUp: [x, edge],
      PageDown: [x, -edge],
    };
    const target = moves[event.key];
    if (target === undefined && event.key !== "Escape") return;
    event.preventDefault();
    event.stopPropagation();
    this.options.chosen?.();
    if (target !== undefined) this.moveTo(target[0], target[1]);
    else this.options.set(this.options.start()[0], this.options.start()[1]); // exactly, not rounded
    this.options.rest();
  }

  /** @param {PointerEvent} event */
  grab(event) {
    if (event.button !== 0) return;
    event.preventDefault(); // no text selection, and the focus is set by us
    this.element.focus({ preventScroll: true });
    this.element.setPointerCapture(event.pointerId);
    const [x, y] = this.options.get();
    const [atX, atY] = this.plane.numbers(event.clientX, event.clientY);
    this.grip = [x - atX, y - atY];
    this.element.classList.add("cw-held");
    this.options.chosen?.();
  }

  /** @param {PointerEvent} event */
  drag(event) {
    if (this.grip === null) return;
    const [x, y] = this.plane.numbers(event.clientX, event.clientY);
    this.moveTo(x + this.grip[0], y + this.grip[1]);
  }

  release() {
    if (this.grip === null) return;
    this.grip = null;
    this.element.classList.remove("cw-held");
    this.options.rest();
  }
}

// ---- bars and matrices ----------------------------------------------------------------------------------------------

/**
 * Horizontal bars, one a row: a name, a bar that may point left of zero, and numbers.
 */
export class Bars {
  /**
   * @param {readonly string[]} names
   * @param {readonly string[]} headings over the name, the bar and each column of numbers
   * @param {string} className
   */
  constructor(names, headings, className) {
    this.rows = names.map((name) => {
      const fill = html("div", { class: "cw-fill" });
      const outline = html("div", { class: "cw-outline" });
      const zero = html("div", { class: "cw-zero" });
      const numbers = headings.slice(2).map(() => html("td", { class: "cw-number" }));
      const track = html("div", { class: "cw-track" }, outline, fill, zero);
      const row = html(
        "tr",
        {},
        html("th", { scope: "row", title: name }, shortened(name)),
        html("td", { class: "cw-trackcell" }, track),
        ...numbers,
      );
      return { row, fill, outline, zero, numbers };
    });
    const head = headings.map((heading, place) =>
      html(
        "th",
        { scope: "col", class: place > 1 ? "cw-number" : "" },
        heading || html("span", { class: "cw-unseen" }, "bar"),
      ),
    );
    this.headings = head;
    this.element = html(
      "table",
      { class: `cw-bars ${className}` },
      html("thead", {}, html("tr", {}, ...head)),
      html("tbody", {}, ...this.rows.map(({ row }) => row)),
    );
  }

  /**
   * @param {number} index
   * @param {number} length as a part of the track, negative to the left
   * @param {number} outlined the same for the outline
   * @param {number} zero where zero is on the track, 0 to 1
   * @param {readonly string[]} numbers
   * @param {boolean} blocked masked out
   */
  draw(index, length, outlined, zero, numbers, blocked) {
    const { row, fill, outline, zero: mark, numbers: cells } = this.rows[index];
    stretch(fill, zero, length);
    stretch(outline, zero, outlined);
    mark.style.left = `${100 * zero}%`;
    numbers.forEach((number, place) => setText(cells[place], number));
    row.classList.toggle("cw-blocked", blocked);
    fill.classList.toggle("cw-negative", length < 0);
  }
}

/**
 * @param {HTMLElement} node
 * @param {number} zero
 * @param {number} length
 */
function stretch(node, zero, length) {
  node.style.left = `${100 * (length < 0 ? zero + length : zero)}%`;
  node.style.width = `${100 * Math.abs(length)}%`;
}

/**
 * A matrix of weights with its numbers in the cells and its row sums; a row is selected by click or by arrow keys.
 */
export class WeightMatrix {
  /**
   * @param {readonly string[]} names
   * @param {string} caption
   * @param {(row: number) => void} select
   */
  constructor(names, caption, select) {
    this.buttons = names.map((name, row) =>
      html(
        "button",
        {
          type: "button",
          title: `query ${name}`,
          "aria-label": `query ${name}`,
          "data-lm-suppress-shortcuts": "true",
          keydown: (event) => this.press(event, row, select),
        },
        shortened(name, 7),
      ),
    );
    this.cells = names.map(() => names.map(() => html("td")));
    this.sums = names.map(() => html("td", { class: "cw-sum" }));
    this.rows = names.map((_, row) =>
      html(
        "tr",
        { click: () => select(row) },
        html("th", { scope: "row" }, this.buttons[row]),
        ...this.cells[row],
        this.sums[row],
      ),
    );
    const columns = names.map((name) =>
      html("th", { scope: "col", title: `key ${name}` }, html("span", {}, shortened(name, 9))),
    );
    this.element = html(
      "table",
      { class: "cw-matrix" },
      html("caption", { class: "cw-unseen" }, caption),
      html(
        "thead",
        {},
        html(
          "tr",
          {},
          html("th", { scope: "col" }, "q \\ k"),
          ...columns,
          html("th", { scope: "col" }, html("span", {}, "sum")),
        ),
      ),
      html("tbody", {}, ...this.rows),
    );
  }

  /**
   * @param {KeyboardEvent} event
   * @param {number} row
   * @param {(row: number) => void} select
   */
  press(event, row, select) {
    const last = this.rows.length - 1;
    /** @type {Record<string, number>} */
    const moves = { ArrowUp: Math.max(0, row - 1), ArrowDown: Math.min(last, row + 1), Home: 0, End: last };
    const target = moves[event.key];
    if (target === undefined) return;
    event.preventDefault();
    event.stopPropagation();
    select(target);
    this.buttons[target].focus();
  }

  /**
   * @param {readonly (readonly number[])[]} weights
   * @param {number} selected
   * @param {string | undefined} theme
   */
  draw(weights, selected, theme) {
    weights.forEach((row, i) => {
      this.rows[i].classList.toggle("cw-selected", i === selected);
      setAttributes(this.buttons[i], { "aria-pressed": String(i === selected), tabindex: i === selected ? 0 : -1 });
      let sum = 0;
      row.forEach((weight, j) => {
        sum += weight;
        const cell = this.cells[i][j];
        const { background, text } = weightColours(weight, theme);
        setText(cell, written(weight));
        cell.style.backgroundColor = background;
        cell.style.color = text;
      });
      setText(this.sums[i], written(sum));
    });
  }
}

// ---- controls -------------------------------------------------------------------------------------------------------

/**
 * One of several, as a row of buttons: native radio buttons, so that the arrow keys and screen readers know them.
 * @param {string} legend
 * @param {readonly string[]} names
 * @param {(index: number) => void} select
 */
export function choice(legend, names, select) {
  const group = uniqueId("choice");
  const inputs = names.map((_, index) =>
    html("input", {
      type: "radio",
      name: group,
      value: index,
      "data-lm-suppress-shortcuts": "true",
      change: () => select(index),
    }),
  );
  const element = html(
    "fieldset",
    { class: "cw-choice" },
    html("legend", {}, legend),
    ...names.map((name, index) => html("label", { title: name }, inputs[index], html("span", {}, shortened(name, 12)))),
  );
  return {
    element,
    /** @param {number} index */
    show(index) {
      if (inputs[index] && !inputs[index].checked) inputs[index].checked = true;
    },
  };
}

/**
 * @param {string} label
 * @param {(on: boolean) => void} changed
 */
export function toggle(label, changed) {
  const input = html("input", {
    type: "checkbox",
    "data-lm-suppress-shortcuts": "true",
    change: () => changed(input.checked),
  });
  const text = html("span", {}, label);
  return {
    element: html("label", { class: "cw-toggle" }, input, text),
    /** @param {boolean} on */
    show(on) {
      input.checked = on;
    },
  };
}

/**
 * @param {string} label
 * @param {{min: number, max: number, step: number}} range
 * @param {(number: number) => void} changed
 * @param {() => void} rest
 */
export function slider(label, range, changed, rest) {
  const input = html("input", {
    type: "range",
    ...range,
    "data-lm-suppress-shortcuts": "true",
    input: () => changed(Number(input.value)),
    change: () => rest(),
  });
  const number = html("span", { class: "cw-number", "aria-hidden": "true" });
  return {
    element: html("label", { class: "cw-slider" }, html("span", {}, label), input, number),
    /** @param {number} value */
    show(value) {
      if (Number(input.value) !== value) input.value = String(value);
      setText(number, written(value));
    },
  };
}

/**
 * @param {string} label
 * @param {() => void} pressed
 */
export function button(label, pressed) {
  return html(
    "button",
    { type: "button", class: "cw-button", "data-lm-suppress-shortcuts": "true", click: pressed },
    label,
  );
}

/**
 * A titled part of the picture.
 * @param {string} title
 * @param {string} formula
 * @param {...Node} content
 */
export function panel(title, formula, ...content) {
  const subtitle = html("div", { class: "cw-formula" }, formula);
  return {
    element: html(
      "section",
      { class: "cw-panel", "aria-label": title },
      html("div", { class: "cw-title" }, title),
      subtitle,
      ...content,
    ),
    subtitle,
  };
}

// ---- linked sliders -------------------------------------------------------------------------------------------------

/**
 * Find another widget's model by its id; on a page that is still loading it may come a little later.
 * @param {Model} model
 * @param {string} id
 * @returns {Promise<Model | null>}
 */
async function findModel(model, id) {
  for (let attempt = 0; attempt < 40; attempt += 1) {
    try {
      return await /** @type {any} */ (model).widget_manager.get_model(id);
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 250));
    }
  }
  return null;
}

/**
 * Move a number of the picture with an ipywidgets slider, and the slider with the picture, without asking the kernel.
 *
 * A slider rounds what it is given to its own steps and writes the rounded number back. jslink would carry that into
 * the picture's state: showing a slider would change 0.7071 to 0.71. Here a slider speaks only where it was really moved.
 * @param {Model} model
 * @param {Model} slider
 * @param {string} trait
 * @param {() => void} changed
 */
function linkSlider(model, slider, trait, changed) {
  const differ = () => Math.abs(slider.get("value") - model.get(trait)) > 0.501 * slider.get("step");
  const fromSlider = () => {
    if (!differ()) return;
    model.set(trait, slider.get("value"));
    changed();
  };
  const toSlider = () => {
    if (!differ()) return;
    slider.set("value", model.get(trait));
    slider.save_changes();
  };
  slider.on("change:value", fromSlider);
  model.on(`change:${trait}`, toSlider);
}

/**
 * Keep the sliders that Python names in the trait `links`, as [model id, trait], linked to the picture.
 * @param {Model} model
 */
export function linkSliders(model) {
  const sync = kernelSync(model);
  const known = new Set();
  const connect = () => {
    for (const [reference, trait] of model.get("links")) {
      if (known.has(reference)) continue;
      known.add(reference);
      findModel(model, reference.replace("IPY_MODEL_", "")).then((slider) => {
        if (slider !== null) linkSlider(model, slider, trait, sync.touch);
      });
    }
  };
  model.on("change:links", connect);
  connect();
}

// ---- the whole widget -----------------------------------------------------------------------------------------------

/**
 * ipywidgets gives the handle of a FloatSlider no accessible name; lend it the words of the label beside it.
 * @returns {() => void} stops looking
 */
function nameSliders() {
  const look = () => {
    for (const handle of document.querySelectorAll(".widget-slider .noUi-handle:not([aria-label])")) {
      const label = handle.closest(".widget-slider")?.querySelector(".widget-label")?.textContent;
      if (label) handle.setAttribute("aria-label", label);
    }
  };
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer;
  const observer = new MutationObserver(() => {
    clearTimeout(timer);
    timer = setTimeout(look, 200);
  });
  observer.observe(document.body, { childList: true, subtree: true });
  look();
  return () => {
    clearTimeout(timer);
    observer.disconnect();
  };
}

/**
 * Run a widget in `el`: `build` makes its elements once, `draw` brings them up to date, at most once a frame.
 * A failure shows a sentence in place of the picture, never a blank.
 * @param {Model} model
 * @param {HTMLElement} el
 * @param {(root: HTMLElement, request: () => void) => {draw: () => void, stop: () => void}} build
 * @returns {() => void} clean-up
 */
export function run(model, el, build) {
  el.classList.add("cw-host");
  const root = html("div", { class: "cw-root" });
  el.append(root);
  /** @type {{draw: () => void, stop: () => void} | null} */
  let widget = null;
  const guard = (/** @type {() => void} */ action) => {
    try {
      action();
    } catch (error) {
      console.error(error);
      root.replaceChildren(html("p", { role: "alert" }, `This picture cannot be drawn: ${error}`));
    }
  };
  const frames = painter(() => guard(() => widget?.draw()));
  const stopTheme = watchTheme(root, frames.request);
  const stopNames = nameSliders();
  guard(() => {
    widget = build(root, frames.request);
    widget.draw();
  });
  model.on("change", frames.request);
  return () => {
    model.off("change", frames.request);
    frames.stop();
    stopTheme();
    stopNames();
    widget?.stop();
  };
}

/**
 * Read an array from its scalar traits: query_0_x, query_0_y, query_1_x, ...
 * @param {Model} model
 * @param {string} name
 * @param {number} nRows
 * @param {readonly string[]} columns
 * @returns {number[][]}
 */
export function readArray(model, name, nRows, columns = ["x", "y"]) {
  return Array.from({ length: nRows }, (_, row) => columns.map((column) => model.get(`${name}_${row}_${column}`)));
}

export const KEY_HELP =
  "Arrow keys move by 0.1, with Shift by 0.5. Home and End go to the left and right edge, Page Up and Page Down to the " +
  "top and bottom. Escape goes back to the start.";
