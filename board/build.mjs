// Builds the board's front end into the Python package; `--watch` builds again at each change.
import { copyFileSync, mkdirSync, readFileSync, readdirSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import * as esbuild from "esbuild";

const here = dirname(fileURLToPath(import.meta.url));
const target = join(here, "..", "src", "tapegrad", "board", "static");
const watching = process.argv.includes("--watch");

const workers = readdirSync(join(here, "src"), { recursive: true })
  .filter((name) => name.endsWith(".worker.ts"))
  .map((name) => join(here, "src", name));

rmSync(target, { recursive: true, force: true });
mkdirSync(target, { recursive: true });
copyFileSync(join(here, "index.html"), join(target, "index.html"));

const options = {
  entryPoints: [join(here, "src", "main.tsx"), join(here, "src", "styles.css"), ...workers],
  outdir: target,
  // Workers and chunks lie beside main.js: `asset()` in src/assets.ts counts on it.
  entryNames: "[name]",
  chunkNames: "[name]-[hash]",
  bundle: true,
  splitting: true,
  format: "esm",
  target: ["chrome123", "firefox120", "safari17.5"],
  jsx: "automatic",
  jsxImportSource: "preact",
  minify: !watching,
  sourcemap: watching ? "inline" : false,
  legalComments: "none",
  logLevel: "warning",
  metafile: true,
};

if (watching) {
  const context = await esbuild.context({ ...options, logLevel: "info" });
  await context.watch();
} else {
  const { metafile } = await esbuild.build(options);
  for (const name of Object.keys(metafile.outputs).sort()) {
    const bytes = readFileSync(name);
    const file = name.slice(name.lastIndexOf("/") + 1);
    const kilobytes = (gzipSync(bytes).length / 1024).toFixed(1);
    process.stdout.write(`${file.padEnd(32)} ${kilobytes.padStart(7)} KB gzipped\n`);
  }
}
