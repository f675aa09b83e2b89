// Lines of code to be put in order: by drag, by keys, or by a button for each step.
//
// Three ways, because no one of them serves everybody. Dragging needs a hand and an eye. Picking up with Enter and
// moving with the arrows needs keys that arrive here, and a screen reader in its browse mode keeps the arrows to itself.
// The buttons of each line need neither; what they did is read out.
import { allow, button } from "./parts/controls.js";
import { html, setText, uniqueId } from "./parts/elements.js";
import { paragraphs, withCode } from "./parts/prose.js";
import { run } from "./parts/run.js";
import { announcer, kernelSync } from "./parts/timing.js";

/** @typedef {import("./parts/timing.js").Model} Model */

const DRAG_FROM = 4; // pixels: less is a click
const NO_ANSWER_AFTER = 5000; // milliseconds
const LINE_HELP =
  "Enter picks the line up. While it is held, up and down move it within your program, left takes it into your " +
  "program, right leaves it out, Enter drops it, Escape puts it back. Otherwise the arrows go from line to line.";

/** One line of code with its letter and its buttons. */
class CodeLine {
  /**
   * @param {string} letter
   * @param {string} text
   * @param {string} help
   * @param {(letter: string, step: "up" | "down" | "across") => void} moved
   */
  constructor(letter, text, help, moved) {
    this.letter = letter;
    this.face = html(
      "div",
      {
        class: "cw-lineface",
        role: "button",
        tabindex: -1,
        "aria-pressed": "false",
        "aria-describedby": help,
        "data-lm-suppress-shortcuts": "true",
      },
      html("span", { class: "cw-letter" }, letter),
      html("code", {}, text),
    );
    this.up = stepButton(`Move line ${letter} up`, "↑", () => moved(letter, "up"));
    this.down = stepButton(`Move line ${letter} down`, "↓", () => moved(letter, "down"));
    this.across = stepButton("", "", () => moved(letter, "across"));
    this.element = html(
      "li",
      { class: "cw-codeline" },
      html("span", { class: "cw-grip", "aria-hidden": "true" }, "⠿"),
      this.face,
      html("span", { class: "cw-steps" }, this.up, this.down, this.across),
    );
  }

  /**
   * @param {number} place in the program; -1 for left over
   * @param {number} nLines of the program
   * @param {boolean} held
   */
  draw(place, nLines, held) {
    const used = place >= 0;
    this.up.hidden = this.down.hidden = !used;
    allow(this.up, place > 0);
    allow(this.down, place < nLines - 1);
    setText(this.across, used ? "leave out" : "use");
    this.across.setAttribute("aria-label", used ? `Leave line ${this.letter} out` : `Use line ${this.letter}`);
    this.face.setAttribute("aria-pressed", String(held));
    this.element.classList.toggle("cw-held", held);
  }

  /** @param {boolean} on whether Tab comes to it and to its buttons */
  reachable(on) {
    for (const node of [this.face, this.up, this.down, this.across]) node.tabIndex = on ? 0 : -1;
  }
}

/**
 * @param {string} label
 * @param {string} sign
 * @param {() => void} pressed
 */
function stepButton(label, sign, pressed) {
  const node = button(sign, pressed);
  node.classList.add("cw-step");
  if (label !== "") node.setAttribute("aria-label", label);
  return node;
}

/**
 * Which letters are in the program, and which are left over; every change goes through here.
 * @param {Model} model
 */
function orderOf(model) {
  const letters = Object.keys(/** @type {Record<string, string>} */ (model.get("lines")));
  const used = [.../** @type {string} */ (model.get("answer"))];
  return {
    letters,
    used,
    left: letters.filter((letter) => !used.includes(letter)),
  };
}

/**
 * The program with a line at a place; a place beyond the end is the end, null is outside.
 * @param {readonly string[]} used
 * @param {string} letter
 * @param {number | null} place
 */
function withLineAt(used, letter, place) {
  const others = used.filter((other) => other !== letter);
  if (place !== null) others.splice(Math.max(0, place), 0, letter);
  return others.join("");
}

/**
 * Put elements into a list in an order, moving the others around `still`, so that it keeps the focus.
 * @param {HTMLElement} list
 * @param {readonly HTMLElement[]} wanted
 * @param {Element | null} still
 */
function arrange(list, wanted, still) {
  const present = [...list.children];
  if (present.length === wanted.length && wanted.every((node, place) => node === present[place])) return;
  for (const node of present) if (!wanted.includes(/** @type {HTMLElement} */ (node))) node.remove();
  const pivot = wanted.findIndex((node) => node === still && node.parentElement === list);
  wanted.forEach((node, place) => {
    if (place < pivot) list.insertBefore(node, wanted[pivot]);
    else if (place !== pivot || pivot < 0) list.append(node);
  });
}

/**
 * Where a pointer would drop a line: a place in the program, or null for left over.
 * @param {PointerEvent} event
 * @param {HTMLElement} programArea
 * @param {HTMLElement} leftArea
 * @param {readonly HTMLElement[]} others the program's lines without the dragged one
 */
function placeUnder(event, programArea, leftArea, others) {
  const away = (/** @type {HTMLElement} */ area) => {
    const { left, right, top, bottom } = area.getBoundingClientRect();
    const dx = Math.max(left - event.clientX, 0, event.clientX - right);
    return Math.hypot(dx, Math.max(top - event.clientY, 0, event.clientY - bottom));
  };
  if (away(leftArea) < away(programArea)) return null;
  return others.filter((node) => {
    const { top, height } = node.getBoundingClientRect();
    return event.clientY > top + height / 2;
  }).length;
}

/**
 * An area with its title, its list, and what stands there while it is empty.
 * @param {string} title
 * @param {string} whenEmpty
 * @param {"ol" | "ul"} kind
 */
function lineArea(title, whenEmpty, kind) {
  const id = uniqueId("area");
  const list = html(kind, {
    class: "cw-codelines",
    role: "list",
    "aria-labelledby": id,
  });
  const empty = html("div", { class: "cw-emptyarea" }, whenEmpty);
  const element = html("section", { class: "cw-linearea" }, html("div", { class: "cw-title", id }, title), list, empty);
  return { list, empty, element };
}

/** What the hand holds, by pointer or by keys, and where it was before. */
class Hold {
  constructor() {
    this.letter = "";
    this.before = "";
    this.dragging = false;
  }

  /**
   * @param {string} letter
   * @param {string} before
   */
  take(letter, before) {
    [this.letter, this.before] = [letter, before];
  }

  drop() {
    [this.letter, this.dragging] = ["", false];
  }
}

/**
 * @param {Model} model
 * @param {HTMLElement} root
 * @param {() => void} request
 */
function buildOrder(model, root, request) {
  const sync = kernelSync(model);
  const hold = new Hold();
  const help = html("div", { id: uniqueId("help"), class: "cw-unseen" }, LINE_HELP);
  const question = html("div", { class: "cw-question" }, ...withCode(model.get("question")));
  const program = lineArea("Your program", "Drag lines here, or press “use”.", "ol");
  const left = lineArea("Left over", "Nothing is left over.", "ul");
  const texts = /** @type {Record<string, string>} */ (model.get("lines"));
  const lines = new Map(
    Object.entries(texts).map(([letter, text]) => [letter, new CodeLine(letter, text, help.id, step)]),
  );
  let current = Object.keys(texts)[0]; // the line that Tab comes to
  let redrawing = false;
  const letters = html("span", { class: "cw-hint" });
  const judge = checkPart(model, sync, request);
  root.classList.add("cw-answers", "cw-order");
  root.append(
    question,
    html("div", { class: "cw-areas" }, program.element, left.element),
    html("div", { class: "cw-controls" }, judge.button, letters),
    judge.said,
    help,
  );
  const voice = announcer(root);

  /** Make a line the one that Tab comes to; at once, since the next key may come before the next frame. @param {string} letter */
  function reach(letter) {
    current = letter;
    for (const line of lines.values()) line.reachable(line.letter === current);
  }
  /** @param {string} answer @param {string} letter */
  function change(answer, letter) {
    if (answer !== model.get("answer")) {
      model.set("answer", answer);
      sync.touch();
      voice.say(() => whereIs(model, letter));
    }
    request();
  }
  /** @param {string} letter @param {"up" | "down" | "across"} direction */
  function step(letter, direction) {
    hold.drop();
    const { used } = orderOf(model);
    const place = used.indexOf(letter);
    if (direction === "across") change(withLineAt(used, letter, place < 0 ? used.length : null), letter);
    else if (place >= 0) change(withLineAt(used, letter, place + (direction === "up" ? -1 : 1)), letter);
    sync.rest();
    current = letter;
  }
  const keys = keysOfLines(model, hold, lines, {
    change,
    say: (/** @type {string} */ text) => voice.say(() => text),
    rest: () => sync.rest(),
    focus(/** @type {string} */ letter) {
      reach(letter);
      lines.get(letter)?.face.focus();
      request();
    },
  });
  for (const line of lines.values()) {
    line.face.addEventListener("keydown", (event) => keys(event, line.letter));
    line.face.addEventListener("blur", () => {
      if (hold.letter === line.letter && !hold.dragging && !redrawing) hold.drop();
      request();
    });
    line.element.addEventListener("focusin", () => {
      reach(line.letter);
      request();
    });
  }
  dragLines(model, root, hold, lines, program.element, left.element, {
    change,
    rest: () => sync.rest(),
  });

  return {
    draw() {
      const { used, left: over } = orderOf(model);
      const active = root.contains(document.activeElement) ? document.activeElement : null;
      const still = active?.closest("li") ?? null;
      const nodes = (/** @type {readonly string[]} */ some) => some.map((letter) => elementOf(lines, letter));
      redrawing = true;
      arrange(program.list, nodes(used), still);
      arrange(left.list, nodes(over), still);
      program.empty.hidden = used.length > 0;
      left.empty.hidden = over.length > 0;
      for (const line of lines.values()) {
        line.draw(used.indexOf(line.letter), used.length, line.letter === hold.letter);
        line.reachable(line.letter === current);
      }
      if (active instanceof HTMLElement && active !== document.activeElement) {
        const refuge = active.hidden ? still?.querySelector(".cw-lineface") : active; // a line changed its area
        if (refuge instanceof HTMLElement) refuge.focus();
      }
      redrawing = false;
      setText(letters, used.length === 0 ? "" : `In letters: ${used.join("")}`);
      judge.draw();
    },
    stop() {
      judge.stop();
      sync.stop();
      voice.stop();
    },
  };
}

/**
 * @param {Map<string, CodeLine>} lines
 * @param {string} letter
 */
function elementOf(lines, letter) {
  return /** @type {CodeLine} */ (lines.get(letter)).element;
}

/**
 * @param {Model} model
 * @param {string} letter
 */
function whereIs(model, letter) {
  const { used } = orderOf(model);
  const place = used.indexOf(letter);
  return place < 0 ? `${letter} is left over.` : `${letter} is line ${place + 1} of ${used.length} of your program.`;
}

/**
 * What the keys do on a line.
 * @param {Model} model
 * @param {Hold} hold
 * @param {Map<string, CodeLine>} lines
 * @param {{change: (answer: string, letter: string) => void, say: (text: string) => void, rest: () => void, focus: (letter: string) => void}} act
 */
function keysOfLines(model, hold, lines, act) {
  /** @param {string} letter @param {string} key */
  const moveHeld = (letter, key) => {
    const { used } = orderOf(model);
    const place = used.indexOf(letter);
    /** @type {Record<string, number | null>} */
    const places = {
      ArrowUp: place < 0 ? used.length : Math.max(0, place - 1),
      ArrowDown: place < 0 ? used.length : Math.min(used.length - 1, place + 1),
      ArrowLeft: place < 0 ? used.length : place,
      ArrowRight: null,
      Home: 0,
      End: used.length,
    };
    act.change(withLineAt(used, letter, places[key]), letter);
  };
  /** @param {string} letter @param {string} key */
  const moveFocus = (letter, key) => {
    const { used, left } = orderOf(model);
    const here = used.includes(letter) ? used : left;
    const place = here.indexOf(letter);
    const all = [...used, ...left];
    const next = {
      ArrowUp: all[all.indexOf(letter) - 1],
      ArrowDown: all[all.indexOf(letter) + 1],
      ArrowLeft: here === left ? used[Math.min(place, used.length - 1)] : undefined,
      ArrowRight: here === used ? left[Math.min(place, left.length - 1)] : undefined,
      Home: all[0],
      End: all[all.length - 1],
    }[key];
    if (next !== undefined) act.focus(next);
  };
  /** @param {KeyboardEvent} event @param {string} letter */
  return (event, letter) => {
    if (event.ctrlKey || event.altKey || event.metaKey || event.shiftKey) return;
    const isHeld = hold.letter === letter;
    const isArrow = /^(Arrow(Up|Down|Left|Right)|Home|End)$/.test(event.key);
    if (!isArrow && !["Enter", " ", "Escape"].includes(event.key)) return;
    if (event.key === "Escape" && !isHeld) return;
    event.preventDefault();
    event.stopPropagation();
    if (isArrow && !isHeld) {
      moveFocus(letter, event.key);
      return;
    }
    if (isArrow) moveHeld(letter, event.key);
    else if (event.key === "Escape") {
      const { before } = hold;
      hold.drop();
      act.change(before, letter);
      act.say(`${letter} is put back. ${whereIs(model, letter)}`);
    } else if (isHeld) {
      hold.drop();
      act.say(`Dropped. ${whereIs(model, letter)}`);
    } else {
      hold.take(letter, model.get("answer"));
      act.say(`${letter} is picked up. ${whereIs(model, letter)}`);
    }
    if (!hold.letter) act.rest();
    act.focus(letter);
  };
}

/**
 * Dragging: the line goes where it would be dropped, and the others make room at once.
 * @param {Model} model
 * @param {HTMLElement} root
 * @param {Hold} hold
 * @param {Map<string, CodeLine>} lines
 * @param {HTMLElement} programArea
 * @param {HTMLElement} leftArea
 * @param {{change: (answer: string, letter: string) => void, rest: () => void}} act
 */
function dragLines(model, root, hold, lines, programArea, leftArea, act) {
  /** @type {{letter: string, x: number, y: number} | null} */
  let pressed = null;
  const end = (/** @type {boolean} */ isKept) => {
    if (pressed === null) return;
    const { letter } = pressed;
    pressed = null;
    if (!hold.dragging) return;
    const { before } = hold;
    hold.drop();
    act.change(isKept ? model.get("answer") : before, letter);
    act.rest();
  };
  for (const line of lines.values()) {
    line.element.addEventListener("pointerdown", (event) => {
      const target = /** @type {Element} */ (event.target);
      // A finger on the text scrolls the page; on the grip it drags.
      const isGrip = target.closest(".cw-grip") !== null;
      if (event.button !== 0 || target.closest("button") || (event.pointerType === "touch" && !isGrip)) return;
      event.preventDefault();
      line.face.focus({ preventScroll: true });
      pressed = { letter: line.letter, x: event.clientX, y: event.clientY };
      root.setPointerCapture(event.pointerId); // not on the line: it moves in the page, and would lose the pointer
    });
  }
  root.addEventListener("pointermove", (event) => {
    if (pressed === null) return;
    const far = Math.hypot(event.clientX - pressed.x, event.clientY - pressed.y) >= DRAG_FROM;
    if (!hold.dragging && !far) return;
    if (!hold.dragging) {
      hold.take(pressed.letter, model.get("answer"));
      hold.dragging = true;
    }
    const { used } = orderOf(model);
    const { letter } = pressed;
    const others = used.filter((other) => other !== letter).map((other) => elementOf(lines, other));
    act.change(withLineAt(used, letter, placeUnder(event, programArea, leftArea, others)), letter);
  });
  root.addEventListener("pointerup", () => end(true));
  root.addEventListener("pointercancel", () => end(false));
  root.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && hold.dragging) end(false);
  });
}

/**
 * The button that asks Python, and what Python said.
 * @param {Model} model
 * @param {ReturnType<typeof kernelSync>} sync
 * @param {() => void} request
 */
function checkPart(model, sync, request) {
  const said = html("div", { class: "cw-said", role: "status" });
  let asked = -Infinity;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer;
  const press = button("Check", () => {
    if (model.get("asked") !== model.get("answered") && performance.now() - asked < NO_ANSWER_AFTER) return;
    asked = performance.now();
    model.set("asked", model.get("asked") + 1);
    clearTimeout(timer);
    timer = setTimeout(request, NO_ANSWER_AFTER + 20);
    sync.touch();
    sync.rest();
    request();
  });
  press.classList.add("cw-main");
  let shown = "";
  return {
    button: press,
    said,
    draw() {
      const waits = model.get("asked") !== model.get("answered") && asked !== -Infinity;
      const isLate = waits && performance.now() - asked >= NO_ANSWER_AFTER;
      press.hidden = !model.get("can_check");
      setText(press, waits && !isLate ? "Checking …" : "Check");
      const message = /** @type {string} */ (model.get("message"));
      const changed = model.get("checked") !== model.get("answer");
      const text = isLate ? "No kernel has answered. Run this cell again, then check." : message;
      const key = `${text}\n${changed}`;
      if (key !== shown) {
        const old = changed && message !== "" && !isLate;
        const note = old ? [html("p", { class: "cw-hint" }, "You have changed the order since.")] : [];
        said.replaceChildren(...paragraphs(text, !isLate), ...note);
      }
      said.hidden = text === "";
      shown = key;
    },
    stop: () => clearTimeout(timer),
  };
}

export default {
  /** @param {{model: Model, el: HTMLElement}} context */
  render({ model, el }) {
    return run(model, el, (root, request) => buildOrder(model, root, request));
  },
};
