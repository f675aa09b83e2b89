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

const SYNC_EVERY = 100; // milliseconds: the kernel hears of a drag at most ten times a second
const FRAME_AT_MOST = 100; // milliseconds after which nobody waits for a frame any more: the page may be hidden
const SAY_AFTER = 700; // milliseconds of rest before a change is read out

/** Whether what is going on is a movement of a pointer that is held down, of which there may be several in a frame. */
function isDragging() {
  const event = window.event; // that of the browser, not of a widget: only it knows who asks
  return event instanceof PointerEvent || (event?.target instanceof Element && event.target.matches(":active"));
}

/**
 * Draw at most once a frame, however often it is asked for. The first time it draws at once, when what is going on has
 * finished: the press of a key or the message of the kernel. Then the frame that follows has only to be painted. What
 * comes later before that frame is drawn with it, and so is a drag: the browser tells of its movements with the frame.
 * @param {() => void} draw
 */
export function painter(draw) {
  let frame = 0; // the frame that is waited for, once something was drawn for it
  let isAsked = false;
  let isStopped = false;
  const paint = () => {
    isAsked = false;
    if (!isStopped) draw();
  };
  const begin = () => {
    frame = 0;
    if (isAsked) paint();
  };
  return {
    request() {
      if (isAsked) return;
      isAsked = true;
      if (frame !== 0) return;
      frame = requestAnimationFrame(begin);
      if (!isDragging()) queueMicrotask(paint);
    },
    stop() {
      isStopped = true;
      cancelAnimationFrame(frame);
    },
  };
}

/**
 * Do something once the picture is painted, or soon where no frame comes.
 * @param {() => void} action
 */
function afterPaint(action) {
  let isDone = false;
  const once = () => {
    if (!isDone) action();
    isDone = true;
  };
  requestAnimationFrame(() => setTimeout(once));
  setTimeout(once, FRAME_AT_MOST);
}

/** @typedef {{touch: () => void, rest: () => void, stop: () => void}} KernelSync */

/**
 * Tell the kernel what changed: at once when the hand rests, and a few times a second while it moves; always after the
 * picture was painted, so that the hand never waits for a message.
 * @param {Pick<Model, "save_changes">} model
 * @returns {KernelSync}
 */
export function kernelSync(model) {
  /** @type {ReturnType<typeof setTimeout> | null} */
  let timer = null;
  let hasNews = false;
  let last = -Infinity;
  const send = () => {
    if (timer !== null) clearTimeout(timer);
    timer = null;
    if (!hasNews) return;
    hasNews = false;
    last = performance.now();
    model.save_changes();
  };
  return {
    touch() {
      hasNews = true;
      timer ??= setTimeout(() => afterPaint(send), Math.max(0, SYNC_EVERY - (performance.now() - last)));
    },
    rest() {
      if (hasNews) afterPaint(send);
    },
    stop: send,
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
