// A program that is instrumented with prom-client: `app.mjs <port>`; PROM_CLIENT is the package's folder.
// What `step_…` tells depends on nothing but the time, and changes every five seconds.
import { createServer } from "node:http";
import { createRequire } from "node:module";

const client = createRequire(import.meta.url)(process.env.PROM_CLIENT);
const step = () => Math.floor(Date.now() / 5000);
client.collectDefaultMetrics();
new client.Gauge({
  name: "step_value",
  help: "Goes up and down.",
  labelNames: ["n"],
  collect() {
    for (let n = 0; n < 20; n++) this.set({ n }, ((step() * (n + 3)) % 89) / 16 - 2);
  },
});
new client.Counter({
  name: "step_total",
  help: "Goes up.",
  collect() {
    this.reset();
    this.inc(step());
  },
});
const requests = new client.Counter({ name: "requests_total", help: "Of scrapes.", labelNames: ["code"] });
const seconds = new client.Histogram({ name: "request_seconds", help: "Of scrapes.", buckets: [0.001, 0.01, 0.1, 1.5] });
const size = new client.Summary({ name: "answer_bytes", help: "Of scrapes.", percentiles: [0.5, 0.99] });

createServer(async (_, answer) => {
  const end = seconds.startTimer();
  requests.inc({ code: 200 });
  const body = await client.register.metrics();
  size.observe(body.length);
  end();
  answer.setHeader("Content-Type", client.register.contentType);
  answer.end(body);
}).listen(Number(process.argv[2]), "127.0.0.1");
