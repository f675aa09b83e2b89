// Keep names, versions and hashes in a package-lock.json, this folder's or the one that is named: no address of anybody.
import { readFileSync, writeFileSync } from "node:fs";

const file = process.argv[2] ?? new URL("package-lock.json", import.meta.url);
const lock = JSON.parse(readFileSync(file, "utf8"));
for (const entry of Object.values(lock.packages)) {
  for (const field of ["resolved", "funding", "license", "deprecated"]) delete entry[field];
}
writeFileSync(file, `${JSON.stringify(lock, null, 2)}\n`);
