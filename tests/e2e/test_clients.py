"""Many clients at once, patient and not: every answer is whole, and those who leave cost nothing afterwards."""
import json
import os
import socket
import threading
import unittest
import urllib.parse

from harness import PATIENCE_SECONDS, Server, Targets, config_of, job, main, wait_for

SERIES = 2000
QUERIES = ["busy", "busy[1m]", "sum(rate(busy[1m]))", "topk(5, busy)", "count by (group) (busy)", "busy / 2",
           'busy{group=~"g[0-4]"}', "avg_over_time(busy[1m])", "sort(busy)", "absent(busy)"]


def page():
    return b"".join(b'busy{i="%d",group="g%d",pad="%s"} %d\n' % (i, i % 10, b"p" * 50, i) for i in range(SERIES))


class Clients(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        targets = Targets({"/metrics": page(), "/long": b"".join(
            b'long{i="%d",pad="%s"} 1\n' % (i, b"%d" % i * 8000) for i in range(40))})
        cls.addClassCleanup(targets.__exit__)
        jobs = [job("busy", targets.address), job("long", targets.address, "/long")]
        cls.server = Server(config=config_of(*jobs)).start()
        cls.addClassCleanup(cls.server.__exit__)
        wait_for("five scrapes", lambda: (cls.server.value('count_over_time(up{job="busy"}[1h])') or 0) >= 5)
        wait_for("the long labels", lambda: cls.server.value("count(long)") == 40)

    def descriptors(self):
        return len(os.listdir(f"/proc/{self.server.process.pid}/fd"))

    def test_answers_with_few_points_and_long_labels_are_whole(self):
        result = self.server.query("long")
        self.assertEqual(sorted(int(series["metric"]["i"]) for series in result), list(range(40)))
        self.assertEqual({series["metric"]["pad"] == series["metric"]["i"] * 8000 for series in result}, {True})

    def test_clients_side_by_side_get_whole_answers(self):
        faults = []

        def ask(number):
            try:
                for k in range(10):
                    query = QUERIES[(number + k) % len(QUERIES)]
                    found = self.server.query(query)
                    if query == "busy" and len(found) != SERIES:
                        faults.append(f"{query}: {len(found)} series")
            except Exception as error:  # any of them fails the test, which runs in another thread
                faults.append(repr(error))

        threads = [threading.Thread(target=ask, args=(number,)) for number in range(16)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(faults, [])

    def test_clients_that_leave_in_the_middle_leave_nothing_behind(self):
        wait_for("others to be gone", lambda: self.descriptors() < 200)
        before = self.descriptors()
        host, port = self.server.address.rsplit(":", 1)
        request = "GET /api/v1/query?query=" + urllib.parse.quote("busy[1h]") + " HTTP/1.1\r\nHost: x\r\n\r\n"
        for _ in range(100):
            with socket.create_connection((host, int(port)), timeout=PATIENCE_SECONDS) as connection:
                connection.sendall(request.encode())
                self.assertTrue(connection.recv(1000).startswith(b"HTTP/1.1 200"))
        wait_for("their connections to be closed", lambda: self.descriptors() <= before + 5)
        self.assertEqual(len(self.server.query("busy")), SERIES)

    def test_requests_on_one_connection_are_answered_in_order(self):
        host, port = self.server.address.rsplit(":", 1)
        count = 20
        with socket.create_connection((host, int(port)), timeout=PATIENCE_SECONDS) as connection:
            for k in range(count):
                last = "Connection: close\r\n" if k + 1 == count else ""
                connection.sendall(f"GET /api/v1/query?query={k}&time=1 HTTP/1.1\r\nHost: x\r\n{last}\r\n".encode())
            answer = b""
            while piece := connection.recv(65536):
                answer += piece
        values = [json.loads(body.split(b"\r\n\r\n", 1)[1])["data"]["result"][1]
                  for body in answer.split(b"HTTP/1.1 200 OK\r\n")[1:]]
        self.assertEqual(values, [str(k) for k in range(count)])


if __name__ == "__main__":
    main()
