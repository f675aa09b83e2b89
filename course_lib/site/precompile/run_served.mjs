// node run_served.mjs SERVED SCRIPT: run a Python script in the Pyodide that a site serves, with all of its packages.
// The script finds the folder as /served. Nothing is fetched.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

const [served, script] = process.argv.slice(2);
globalThis.fetch = (address) => {
  throw new Error(`${address} would be fetched; everything is in ${served}`);
};
const { loadPyodide } = await import(pathToFileURL(join(served, "pyodide.mjs")));
const lock = JSON.parse(readFileSync(join(served, "pyodide-lock.json"), "utf8"));
const pyodide = await loadPyodide({
  indexURL: served,
  // Sets of words in compiled code lie in the order of their hashes: the same ones at every run.
  env: { PYTHONHASHSEED: "0" },
});
await pyodide.loadPackage(Object.keys(lock.packages), { messageCallback: () => {} });
pyodide.mountNodeFS("/served", served);
pyodide.runPython(readFileSync(script, "utf8"), { filename: script });
