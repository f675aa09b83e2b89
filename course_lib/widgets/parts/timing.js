// When things happen: one drawing a frame, a few messages a second to the kernel, one sentence at rest.
import { html, setText } from "./elements.js";

/**
 * What a widget needs of anywidget's model.
 * @typedef {object} Model
 * @property {(name: string) => any} get
 * @property {(name: string, value: any) => void} set
 * @property {() => void} save_changes
 * @property {(event: string, callback: () => void) => void} on
 * @property {(event: string, callback: () => void) => void} off
 */

const SYNC_EVERY = 50; // milliseconds: the kernel hears of a drag at most twenty times a second
const SAY_AFTER = 700; // milliseconds of rest before a change is read out

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

/** @typedef {{touch: () => void, rest: () => void, stop: () => void}} KernelSync */

/**
 * Tell the kernel what changed: at once when the hand rests, and a few times a second while it moves.
 * @param {Model} model
 * @returns {KernelSync}
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
