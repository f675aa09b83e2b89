// Light and dark, and the colours of a weight.

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
