"""Both servers with one data set, and connections to them that stay open."""
import contextlib
import http.client
import json
import sys
import tempfile
import time
import urllib.parse
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "e2e"))
from beside_prometheus import Prometheus  # noqa: E402
from harness import Server  # noqa: E402
from remote_write import push  # noqa: E402

CONFIG = "global: {evaluation_interval: 1m}\n"
SERIES_PER_PUSH = 20


class Pair(contextlib.ExitStack):
    """Barograph (`ours`) and Debian's Prometheus (`theirs`), loopback only, both holding `data`."""

    def __init__(self, prometheus, data):
        super().__init__()
        with contextlib.ExitStack() as opened:
            folder = opened.enter_context(tempfile.TemporaryDirectory(prefix="barograph-differential-"))
            self.theirs = Prometheus(prometheus, CONFIG, folder, "--web.enable-remote-write-receiver",
                                     "--enable-feature=native-histograms,promql-at-modifier,promql-negative-offset")
            opened.callback(self.theirs.stop)
            self.ours = opened.enter_context(Server("--enable-feature=promql-experimental-functions", config=CONFIG))
            self.theirs.wait_until_ready()
            for server in (self.ours, self.theirs):
                self._load(server, data)
            self.push(opened.pop_all())

    @staticmethod
    def _load(server, data):
        for messages in data.messages():
            for at in range(0, len(messages), SERIES_PER_PUSH):
                push_patiently(server, messages[at:at + SERIES_PER_PUSH])


def push_patiently(server, messages):
    for _ in range(100):
        status, _, text = push(server, *messages)
        if status // 100 == 2:
            return
        if status // 100 == 4:
            raise AssertionError(f"a push was refused: {status} {text}")
        time.sleep(0.2)  # it is not ready yet
    raise AssertionError(f"no push was taken: {status} {text}")


class Asker:
    """One connection to each server; for one thread."""

    def __init__(self, pair):
        host, port = pair.ours.address.rsplit(":", 1)
        self.ours = http.client.HTTPConnection(host, int(port), timeout=120)
        self.theirs = http.client.HTTPConnection("127.0.0.1", pair.theirs.port, timeout=120)

    def close(self):
        self.ours.close()
        self.theirs.close()

    def ask(self, ours, theirs, **params):
        """The answers' bodies to the same question; the texts of the query may differ."""
        is_range = "step" in params
        path = "/api/v1/query_range" if is_range else "/api/v1/query"
        answers = []
        for connection, query in ((self.ours, ours), (self.theirs, theirs)):  # both work at the same time
            connection.request("POST", path, urllib.parse.urlencode({"query": query, **params}),
                               {"Content-Type": "application/x-www-form-urlencoded"})
        for connection in (self.ours, self.theirs):
            answer = connection.getresponse()
            answers.append((answer.status, answer.read()))
        return answers


def read(answer):
    """(status, error type or None, data) of an answer."""
    status, body = answer
    try:
        content = json.loads(body)
    except ValueError:
        return status, f"no JSON: {body[:200]!r}", None
    return status, content.get("errorType"), content.get("data")
