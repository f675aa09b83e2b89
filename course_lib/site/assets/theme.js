// Before anything is painted: light or dark as chosen on an earlier page, else as the reader's system is.
globalThis.courseFronts = {};
(() => {
  const page = document.documentElement;
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const chosen = () => {
    try {
      return localStorage.getItem("course-theme");
    } catch {
      return null; // a reader may forbid storage
    }
  };
  const show = () => {
    const theme = chosen();
    page.dataset.theme = theme === "light" || theme === "dark" ? theme : dark.matches ? "dark" : "light";
  };
  dark.addEventListener("change", show);
  addEventListener("storage", show);
  show();
})();
