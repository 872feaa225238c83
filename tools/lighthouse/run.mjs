// Runs Lighthouse on five pages of a demo shop and prints the figures.
//
//   node run.mjs path/to/cartkeep
//
// It starts the demo on free ports in a folder of its own, walks to each page
// as a shopper does, and ends with 1 when a figure is below what is asked for.
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import lighthouse from "lighthouse";
import puppeteer from "puppeteer-core";

const WANT = 95;
const ALWAYS = ["performance", "accessibility", "best-practices"];
const RUNS = Number(process.env.RUNS || 3); // of which the one in the middle counts

const binary = process.argv[2];
if (!binary) {
  console.error("usage: node run.mjs path/to/cartkeep");
  process.exit(2);
}
const home = mkdtempSync(join(tmpdir(), "cartkeep-lighthouse-"));
const shop = spawn(binary, ["demo", "--listen", "localhost:0"], {
  env: { PATH: process.env.PATH, HOME: home, CARTKEEP_DATA: join(home, "data"), CARTKEEP_KEY_FILE: join(home, "shop.key") },
  stdio: ["ignore", "pipe", "ignore"],
});
const origin = await new Promise((ready, failed) => {
  shop.once("exit", () => failed(new Error("the demo ended before it was ready")));
  createInterface({ input: shop.stdout }).on("line", line => line.startsWith("cartkeep: ready ") && ready(line.split(" ")[2]));
});
const browser = await puppeteer.launch({
  executablePath: process.env.CHROME_PATH || "/usr/bin/chromium",
  args: ["--no-sandbox", "--ignore-certificate-errors", "--disable-quic"],
});
let fine = true;
try {
  for (const form of ["mobile", "desktop"]) {
    const page = await (await browser.createBrowserContext()).newPage();
    const click = async selector => {
      await Promise.all([page.waitForNavigation(), page.click(selector)]);
    };
    const measure = async (name, path, also = []) => {
      const runs = [];
      for (let i = 0; i < RUNS; i++) runs.push(await once(page, origin + path, form, [...ALWAYS, ...also]));
      runs.sort((a, b) => a.categories.performance.score - b.categories.performance.score);
      report(form, name, runs[RUNS >> 1]);
    };
    await measure("home", "/", ["seo"]);
    await measure("product", "/products/whistling-kettle", ["seo"]);
    await page.goto(origin + "/products/nesting-bowls");
    await click(".add .btn");
    await measure("cart", "/cart");
    await measure("checkout", "/checkout");
    await page.goto(origin + "/checkout");
    await page.select("#shipping_address-address_country", "DE");
    for (const [field, text] of [["email", "ada@example.com"], ["name", "Ada Lovelace"], ["shipping_address-street_address", "12 Analytical Way"],
      ["shipping_address-postal_code", "10115"], ["shipping_address-address_locality", "Berlin"]]) await page.type("#" + field, text);
    await click("#details .go .btn");
    await click("#pay .btn");
    await click("button[value=approved]");
    await measure("order", new URL(page.url()).pathname);
  }
} finally {
  await browser.close();
  shop.removeAllListeners("exit");
  const ended = new Promise(done => shop.once("exit", done));
  shop.kill("SIGTERM");
  await ended;
  rmSync(home, { recursive: true, force: true });
}
process.exit(fine ? 0 : 1);

async function once(page, url, form, categories) {
  const settings = { onlyCategories: categories, disableStorageReset: true, formFactor: form };
  if (form === "desktop") {
    settings.screenEmulation = { mobile: false, width: 1350, height: 940, deviceScaleFactor: 1, disabled: false };
    settings.throttling = { rttMs: 40, throughputKbps: 10240, cpuSlowdownMultiplier: 1, requestLatencyMs: 0, downloadThroughputKbps: 0, uploadThroughputKbps: 0 };
  }
  for (let tries = 3; ; tries--) {
    const { lhr } = await lighthouse(url, { logLevel: "error" }, { extends: "lighthouse:default", settings }, page);
    if (!lhr.runtimeError) return lhr;
    // On a busy machine the browser's trace sometimes lacks its beginning.
    if (tries === 1) throw new Error(`${url}: ${lhr.runtimeError.message}`);
  }
}

function report(form, name, lhr) {
  const scores = Object.values(lhr.categories).map(c => {
    const score = Math.round(c.score * 100);
    if (score < WANT) fine = false;
    return `${c.id} ${score}`;
  });
  const value = id => lhr.audits[id]?.displayValue ?? "";
  console.log(`${form.padEnd(8)} ${name.padEnd(9)} ${scores.join("  ")}  LCP ${value("largest-contentful-paint")}  CLS ${value("cumulative-layout-shift")}  TBT ${value("total-blocking-time")}`);
  for (const category of Object.values(lhr.categories)) {
    for (const ref of category.auditRefs) {
      const audit = lhr.audits[ref.id];
      if (ref.weight > 0 && audit.score !== null && audit.score < 0.9) console.log(`         - ${category.id}: ${audit.id}: ${audit.title} ${audit.displayValue ?? ""}`);
    }
  }
}
