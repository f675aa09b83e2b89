// Put into the page before anything else: when was a key pressed, when did a message come, and when was the picture
// that follows painted?
(() => {
  // A message posted while a frame is being made is delivered after that frame was painted.
  const after = new MessageChannel();
  const frame = window.requestAnimationFrame.bind(window);
  let making = false;
  let waiting = [];
  after.port1.onmessage = () => {
    making = false;
    const now = performance.now();
    for (const done of waiting.splice(0)) done(now);
  };
  const begin = () => {
    if (making) return;
    making = true;
    after.port2.postMessage(0);
  };
  window.requestAnimationFrame = (callback) =>
    frame((time) => {
      begin();
      callback(time);
    });

  let [pressed, released, paints, updates] = [[], [], [], []];
  let steps = 0;
  let pending = false;
  let waiters = [];
  let stop = () => {};
  const hear = (name, heard) => addEventListener(name, (event) => event.isTrusted && heard(event), true);
  hear("keydown", (event) => pressed.push(event.timeStamp));
  hear("pointerup", (event) => released.push(event.timeStamp));
  // The steps of a hand that has no places between them: another number of a slider, another button.
  hear("input", () => (steps += 1));
  hear("pointerover", (event) => (steps += event.target.closest("button") === null ? 0 : 1));

  // When a message of the kernel with the state of a widget reaches the page.
  const reader = new TextDecoder();
  const Plain = window.WebSocket;
  window.WebSocket = class extends Plain {
    constructor(...given) {
      super(...given);
      this.addEventListener("message", (event) => {
        const text = typeof event.data === "string" ? event.data : reader.decode(event.data);
        if (/"method": ?"update"/.test(text)) updates.push(event.timeStamp);
      });
    }
  };

  // The picture has changed: note when that is painted, in this frame or, outside of one, in the next.
  const changed = () => {
    if (pending) return;
    pending = true;
    const done = (now) => {
      pending = false;
      paints.push(now);
      for (const tell of waiters.splice(0)) tell();
    };
    if (making) waiting.push(done);
    else
      frame(() => {
        waiting.push(done);
        begin();
      });
  };
  // What is read out after a rest is no part of the picture, and neither are words for those who cannot see it.
  const isSpoken = ({ target, attributeName }) =>
    attributeName?.startsWith("aria-") ||
    ((target instanceof Element ? target : target.parentElement)?.closest("[aria-live]") ?? null) !== null;
  const drawImage = CanvasRenderingContext2D.prototype.drawImage;

  window.courseBench = {
    /** Watch a picture: elements that change, images that are replaced, or a canvas that is drawn upon. */
    watch(root, kind) {
      stop();
      const observer = new MutationObserver((records) => {
        if (records.some((record) => !isSpoken(record))) changed();
      });
      const loaded = (event) => {
        if (root.contains(event.target)) event.target.decode().then(changed, changed);
      };
      if (kind === "elements") {
        observer.observe(root, { subtree: true, childList: true, characterData: true, attributes: true });
      } else if (kind === "images") {
        root.addEventListener("load", loaded, true);
      } else {
        CanvasRenderingContext2D.prototype.drawImage = function draw(...given) {
          if (root.contains(this.canvas)) changed();
          return drawImage.apply(this, given);
        };
      }
      stop = () => {
        observer.disconnect();
        root.removeEventListener("load", loaded, true);
        CanvasRenderingContext2D.prototype.drawImage = drawImage;
      };
    },
    forget() {
      [pressed, released, paints, updates] = [[], [], [], []];
      steps = 0;
    },
    /** The first paint after a moment, or null where none comes in time; nobody has to ask again and again. */
    painted: (since, patience) =>
      new Promise((resolve) => {
        const timer = setTimeout(() => resolve(null), patience);
        const look = () => {
          const found = paints.find((paint) => paint > since);
          if (found === undefined) return void waiters.push(look);
          clearTimeout(timer);
          resolve(found);
        };
        look();
      }),
    told: () => ({ pressed, released, paints, updates, steps, now: performance.now(), origin: performance.timeOrigin }),
    stop: () => stop(),
  };
})();
