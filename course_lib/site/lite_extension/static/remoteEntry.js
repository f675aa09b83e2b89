// A small JupyterLab extension that needs no build step: the container that JupyterLab looks for, written by hand.
// While Python starts in the browser it says so, and it asks the browser to keep what the learner stores.
(() => {
  const NOTE = "course-starting";
  const LATER = "%LATER%".split(" "); // what a notebook asks for only once it runs or shows a formula
  const STYLE = `
    #${NOTE} { position: fixed; left: 50%; bottom: 2.5rem; transform: translateX(-50%); z-index: 10000; box-sizing: border-box;
      max-width: calc(100vw - 2rem); padding: 0.7rem 1.1rem; border-radius: 6px; font: 14px/1.45 system-ui, sans-serif;
      color: #fff; background: #1b3a6b; box-shadow: 0 2px 10px #0006; }
    #${NOTE}[hidden] { display: none; }
    #${NOTE} b { display: block; font-weight: 600; }
  `;

  /** The note, made when it is first needed; a live region, so that it is read out too. */
  function note() {
    const found = document.getElementById(NOTE);
    if (found) return found;
    const style = document.createElement("style");
    style.textContent = STYLE;
    document.head.append(style);
    const made = document.createElement("div");
    made.id = NOTE;
    made.setAttribute("role", "status");
    made.hidden = true;
    document.body.append(made);
    return made;
  }

  /** @param {string} title @param {string} text */
  function say(title, text) {
    const strong = document.createElement("b");
    strong.textContent = title;
    note().replaceChildren(strong, text);
    note().hidden = false;
  }

  function activate(app) {
    let started = 0;
    let ticking;
    const hush = () => {
      clearInterval(ticking);
      ticking = undefined;
      note().hidden = true;
    };
    const tell = () => {
      const seconds = Math.round((performance.now() - started) / 1000);
      const first = "The first time, it is fetched from this site (about %MEGABYTES% MB), and then kept by the browser.";
      say("Python is starting in your browser …", seconds < 20 ? `${first} You may read on, and run cells already.`
        : `${seconds} seconds so far. On a slow line this takes a few minutes; you may read on. ${first}`);
    };
    const look = () => {
      const context = app.shell.currentWidget?.sessionContext;
      const session = context?.session;
      const waits = Boolean(context) && !context.isDisposed && (!session || starting(session.kernel?.status))
        && !failed(context, session);
      if (!waits) return hush();
      if (ticking !== undefined) return;
      started = performance.now();
      tell();
      ticking = setInterval(() => {
        tell();
        look();
      }, 2000);
    };
    const watched = new WeakSet();
    const watch = () => {
      const context = app.shell.currentWidget?.sessionContext;
      if (context && !watched.has(context)) {
        watched.add(context);
        for (const signal of ["statusChanged", "connectionStatusChanged", "kernelChanged", "disposed"]) {
          context[signal]?.connect(look);
        }
      }
      look();
    };
    app.shell.currentChanged?.connect(watch);
    // JupyterLab 4.4 would take the arrow keys from a slider of ipywidgets, and move to another cell.
    document.addEventListener("focusin", ({ target }) => {
      if (target.matches?.(".noUi-handle")) target.dataset.lmSuppressShortcuts = "true";
    });
    app.restored.then(watch);
    // Without this, a browser that is short of room may throw work away; asking costs nothing and may be refused.
    navigator.storage?.persist?.().catch(() => {});
    app.restored.then(keepForLater).catch(() => {});
  }

  /** Keep what the page fetched before its service worker took over, and what other notebooks will ask for, so that the
   * next visit needs no network. */
  async function keepForLater() {
    if (!navigator.serviceWorker) return;
    const { scope } = await navigator.serviceWorker.ready;
    const cache = await caches.open("course-%BUILD%");
    const asked = performance.getEntriesByType("resource").map((entry) => entry.name.split("?")[0]);
    const wanted = new Set([location.href.split(/[?#]/)[0], ...asked, ...LATER.map((path) => scope + path)]);
    for (const address of wanted) {
      if (!address.startsWith(scope) || /\/api\/(drive|stdin|service-worker)/.test(address)) continue;
      if (!(await cache.match(address))) await cache.add(address).catch(() => {});
    }
    for (const folder of ["notebooks", "exercises"]) await keepNotebooks(scope, folder, cache);
  }

  /** Keep every notebook of a folder, opened or not: together they are small. */
  async function keepNotebooks(scope, folder, cache) {
    const list = `${scope}api/contents/${folder}/all.json`;
    const { content } = await (await fetch(list)).json();
    for (const address of [list, ...content.map(({ path }) => `${scope}files/${path}`)]) {
      // A service worker in control keeps what it fetches by itself, and only if it is new.
      if (navigator.serviceWorker.controller) await (await fetch(address)).arrayBuffer();
      else await cache.add(address).catch(() => {});
    }
  }

  const starting = (status) => status === undefined || ["starting", "restarting", "autorestarting", "unknown"].includes(status);
  const failed = (context, session) => ["dead", "terminating"].includes(session?.kernel?.status) || context.hasNoKernel === true;

  const plugin = {
    id: "self-attention-course:starting",
    description: "Says that Python is starting.",
    autoStart: true,
    activate,
  };
  const exported = { default: plugin, __esModule: true };
  window._JUPYTERLAB = window._JUPYTERLAB ?? {};
  window._JUPYTERLAB["self-attention-course"] = {
    init: () => {},
    get: async (name) => {
      if (name !== "./extension") throw new Error(`This extension has no part ${name}.`);
      return () => exported;
    },
  };
})();
