"""Suite `grafana`: Grafana's own data source as a client of a running Barograph. Prints a verdict for each of its checks
(see ReadVerdicts in main.cpp). Usage: grafana.py <shared/conformance>

The data source is a large npm package under another licence. It is never fetched unasked: the suite runs where
`./dev setup grafana` put it once, in .cache/grafana-datasource, and says so elsewhere.
"""
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "e2e"))
from harness import Server, Targets, config_of, job, wait_for  # noqa: E402

CLIENT = ROOT / ".cache" / "grafana-datasource"
TOPICS = {"POST", "GET", "health check", "build info", "range query", "a bad query"}  # names go on behind them


def verdicts(output):
    """The client's lines `ok   name` and `FAIL name: detail` as ours."""
    for line in output.splitlines():
        parts = line[5:].split(": ")
        words = 2 if parts[0] in TOPICS else 1  # of the name
        name, detail = ": ".join(parts[:words]), ": ".join(parts[words:])
        if line.startswith("ok   "):
            yield "pass", name, ""
        elif line.startswith("FAIL "):
            yield "fail", name, detail


def main(data):
    if not (CLIENT / "node_modules").is_dir():
        print("skip", "all checks", "Grafana's packages are not here: ./dev setup grafana fetches them (670 MB)", sep="\t")
        return
    for source in (Path(data) / "grafana-datasource").glob("*.mjs"):
        shutil.copy(source, CLIENT)
    # A whole minute is not needed: one scrape gives every metric that the checks ask for.
    page = b"# HELP app_requests_total Requests.\n# TYPE app_requests_total counter\napp_requests_total 1\n"
    with Targets({"/metrics": page}) as targets, Server(config=config_of(job("app", targets.address))) as server:
        wait_for("a scrape", lambda: server.value("up") == 1)
        environment = {"BASE": f"http://{server.address}", "PATH": f"{ROOT}/.cache/node/bin:/usr/local/bin:/usr/bin:/bin"}
        run = subprocess.run(["node", "check.mjs"], cwd=CLIENT, env=environment, capture_output=True, text=True,
                             timeout=300)
    found = list(verdicts(run.stdout))
    if not found:
        sys.exit(f"grafana: the client did not run:\n{run.stdout[-2000:]}{run.stderr[-2000:]}")
    for verdict in found:
        print(*verdict, sep="\t")


if __name__ == "__main__":
    main(sys.argv[1])
