// Run notebooks of the course in Pyodide: node run_in_pyodide.js SETTINGS, a JSON object with
//   modules   the folder node_modules that has pyodide
//   wheels    the folder with the wheels of Pyodide's distribution
//   packages  folders of pure Python packages, first the course's own
//   course    the course's folder
//   arguments what run_notebooks.py is called with
// Everything is read from these folders. Nothing is fetched: a wheel that is not there is an error.
import { existsSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

const settings = JSON.parse(process.argv[2]);
globalThis.fetch = (address) => {
  throw new Error(`${address} would be fetched; the tests read from folders only`);
};
const { loadPyodide } = await import(
  pathToFileURL(join(settings.modules, "pyodide", "pyodide.mjs"))
);
const pyodide = await loadPyodide({
  packageCacheDir: settings.wheels,
  env: { PYTHONDONTWRITEBYTECODE: "1" },
});
await pyodide.loadPackage(["numpy", "matplotlib", "ipython"], { messageCallback: () => {} });
const paths = [settings.course, ...settings.packages].map((folder, number) => {
  if (!existsSync(folder)) throw new Error(`there is no folder ${folder}`);
  pyodide.mountNodeFS(`/mounted/${number}`, folder);
  return `/mounted/${number}`;
});
pyodide.globals.set("paths", pyodide.toPy(paths));
pyodide.globals.set("arguments", pyodide.toPy(["/mounted/0", ...settings.arguments]));
pyodide.runPython(`
import runpy, sys
sys.path[:0] = [f"{paths[0]}/tests/environments", *paths]
import run_notebooks
run_notebooks.main(list(arguments))
`);
