"""Scraping what can only be reached with an OAuth2 token, a client certificate and through a proxy; and files of secrets
and certificates that are renewed meanwhile.
"""
import base64
import json
import os
import ssl
import tempfile
import unittest
from pathlib import Path
from urllib.parse import parse_qs

from certificates import Authority
from forward_proxy import ForwardProxy
from harness import Server, Targets, main, wait_for

SECRETS = ("first-secret", "second-secret", "third-secret", "bearer-one", "bearer-two", "proxy-password", "for-the-proxy")


class TokenEndpoint(Targets):
    """Gives out "token-1", "token-2" and so on to who knows `secret`."""

    def __init__(self, tls):
        self.secret = "first-secret"
        self.given = 0
        self.asked = []  # pairs of id and secret
        self.forms = []
        super().__init__({})
        self.server.RequestHandlerClass.do_POST = lambda handler: self.answer(handler)
        self.server.socket = tls.wrap_socket(self.server.socket, server_side=True, do_handshake_on_connect=False)

    @property
    def token(self):
        """The one that is good."""
        return f"token-{self.given}"

    def answer(self, handler):
        form = parse_qs(handler.rfile.read(int(handler.headers["Content-Length"])).decode())
        kind, _, pair = handler.headers.get("Authorization", "").partition(" ")
        if kind == "Basic":
            identity = base64.b64decode(pair).decode()
        else:  # the second form, which clients try when the first is refused
            identity = form.get("client_id", [""])[0] + ":" + form.get("client_secret", [""])[0]
        self.forms.append(form)
        self.asked.append(identity)
        if identity != f"barograph:{self.secret}":
            return handler.answer(b'{"error": "invalid_client", "error_description": "unknown secret"}',
                                  "application/json", 401)
        self.given += 1
        answer = {"access_token": self.token, "token_type": "Bearer", "expires_in": 3600}
        return handler.answer(json.dumps(answer).encode(), "application/json")


def server_tls(cert, key, client_authority=None):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)
    if client_authority:
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(client_authority)
    return context


def put(path, *sources):
    """Replaces a file as those who renew certificates do: written aside, then renamed."""
    aside = path.with_suffix(".new")
    aside.write_bytes(b"".join(source if isinstance(source, bytes) else source.read_bytes() for source in sources))
    aside.rename(path)


class HttpClient(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="barograph-e2e-client-")
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        self.authority = Authority(self.folder)
        own = self.authority.issue("server", "DNS:target.test", "IP:127.0.0.1")
        self.endpoint = self.enterContext_(TokenEndpoint(server_tls(*own)))
        self.target = self.enterContext_(Targets({"/metrics": self.on_oauth, "/bearer": self.on_bearer}))
        self.target.server.socket = server_tls(*own, self.authority.cert_file).wrap_socket(
            self.target.server.socket, server_side=True, do_handshake_on_connect=False)
        self.port = self.target.address.split(":")[1]
        self.proxy = self.enterContext_(ForwardProxy())
        self.tls_proxy = self.enterContext_(ForwardProxy(tls=server_tls(*own)))
        self.refused = 0
        self.subjects = []
        self.bearer = "bearer-one"
        self.secret_file, self.bearer_file = self.folder / "secret", self.folder / "bearer"
        self.cert_file, self.key_file = self.folder / "mine.pem", self.folder / "mine.key"
        put(self.secret_file, b"first-secret\n")
        put(self.bearer_file, b"bearer-one\n")
        self.renew("client-1")

    def enterContext_(self, manager):  # TestCase has enterContext() from Python 3.11 on
        self.addCleanup(manager.__exit__, None, None, None)
        return manager.__enter__()

    def renew(self, name):
        cert, key = self.authority.issue(name)
        put(self.key_file, key)
        put(self.cert_file, cert)

    def on_oauth(self, handler):
        self.subjects.append(dict(pair[0] for pair in handler.connection.getpeercert()["subject"])["commonName"])
        if handler.headers["Authorization"] != f"Bearer {self.endpoint.token}":
            self.refused += 1
            return handler.answer(b"", status=401)
        return handler.answer(b"good 1\n")

    def on_bearer(self, handler):
        is_good = handler.headers["Authorization"] == f"Bearer {self.bearer}"
        return handler.answer(b"bearer_good 1\n" if is_good else b"", status=200 if is_good else 401)

    def config(self):
        tls = (f"{{ca_file: {self.authority.cert_file}, cert_file: {self.cert_file}, key_file: {self.key_file}}}")
        common = f"""
    scheme: https
    scrape_interval: 1s
    tls_config: {tls}
    static_configs: [{{targets: ['target.test:{self.port}']}}]"""
        return f"""
scrape_configs:
  - job_name: oauth
    oauth2:
      client_id: barograph
      client_secret_file: {self.secret_file}
      token_url: https://{self.endpoint.address}/token
      scopes: [metrics, read]
      endpoint_params: {{resource: 'a&b'}}
      tls_config: {{ca_file: {self.authority.cert_file}}}
    proxy_url: http://me:proxy-password@{self.proxy.address}
    proxy_connect_header: {{X-For: [for-the-proxy]}}{common}
  - job_name: bearer
    metrics_path: /bearer
    bearer_token_file: {self.bearer_file}
    proxy_url: https://{self.tls_proxy.address}{common}
  - job_name: environment
    proxy_from_environment: true
    scrape_interval: 1s
    static_configs: [{{targets: ['elsewhere.test:80', 'excluded.invalid:80']}}]
"""

    def scrapes(self, server, job, count):
        """Waits for so many more scrapes."""
        text = f'count_over_time(up{{job="{job}"}}[1h])'
        begun = server.value(text) or 0
        wait_for(f"{count} scrapes of {job}", lambda: (server.value(text) or 0) >= begun + count)

    def target_of(self, server, job, instance=None):
        return next(target for target in server.api("targets")["activeTargets"]
                    if target["scrapePool"] == job and instance in (None, target["labels"]["instance"]))

    def test_tokens_certificates_and_proxies(self):
        os.environ.update({"HTTP_PROXY": f"http://{self.proxy.address}", "NO_PROXY": ".invalid"})
        try:
            with Server(config=self.config()) as server:
                self.check_first_scrapes(server)
                self.check_tokens(server)
                self.check_renewed_files(server)
                self.assertEqual(server.value('min_over_time(up{job="oauth"}[1h])'), 1, "no scrape failed so far")
                self.check_reasons(server)
                self.check_nothing_is_told(server)
        finally:
            for name in ("HTTP_PROXY", "NO_PROXY"):
                del os.environ[name]

    def check_first_scrapes(self, server):
        for job in ("oauth", "bearer"):
            wait_for(f"{job} to be up", lambda job=job: server.value(f'up{{job="{job}"}}') == 1)
        self.scrapes(server, "oauth", 3)
        self.assertEqual(self.endpoint.given, 1, "one token serves all scrapes")
        self.assertEqual(self.endpoint.forms[0], {"grant_type": ["client_credentials"], "scope": ["metrics read"],
                                                  "resource": ["a&b"]})
        tunnels = [head for head in self.proxy.heads if head.startswith("CONNECT ")]
        self.assertEqual(len(tunnels), 1, "the tunnel is kept open")
        for line in (f"CONNECT target.test:{self.port} HTTP/1.1", "X-For: for-the-proxy",
                     "Proxy-Authorization: Basic " + base64.b64encode(b"me:proxy-password").decode()):
            self.assertIn(line + "\r\n", tunnels[0])
        self.assertEqual([head.split()[1] for head in self.tls_proxy.heads], [f"target.test:{self.port}"])
        wait_for("the target behind the environment's proxy",
                 lambda: server.value('proxied{job="environment",instance="elsewhere.test:80"}') == 1)
        self.assertIn("GET http://elsewhere.test/metrics HTTP/1.1\r\n", "".join(self.proxy.heads))
        excluded = 'up{job="environment",instance="excluded.invalid:80"}'
        wait_for("the exception of the environment's proxy", lambda: server.value(excluded) == 0)
        self.assertNotIn("excluded.invalid", "".join(self.proxy.heads))

    def check_tokens(self, server):
        self.endpoint.given += 1  # withdraws the token that was given out
        wait_for("another token", lambda: self.endpoint.given == 3)
        self.scrapes(server, "oauth", 2)
        self.assertEqual(self.refused, 1, "the call was made once more with the new token")
        put(self.secret_file, b"second-secret\n")
        self.endpoint.secret = "second-secret"
        wait_for("a token for the second secret", lambda: self.endpoint.given == 4)
        self.assertEqual(self.endpoint.asked[-1], "barograph:second-secret")

    def check_renewed_files(self, server):
        self.assertEqual(set(self.subjects), {"client-1"})
        self.renew("client-2")
        wait_for("a scrape with the renewed certificate", lambda: self.subjects[-1] == "client-2")
        self.bearer = "bearer-two"
        wait_for("the old token to be refused", lambda: server.value('up{job="bearer"}') == 0)
        put(self.bearer_file, b"bearer-two\n")
        wait_for("the new token to be used", lambda: server.value('up{job="bearer"}') == 1)
        # A new authority: the old one is trusted, too, until all have certificates of the new one.
        other = Authority(self.folder, "other")
        put(self.authority.cert_file, self.authority.cert_file, other.cert_file)
        self.scrapes(server, "oauth", 2)

    def check_reasons(self, server):
        put(self.secret_file, b"third-secret\n")
        words = f"oauth2: asking https://{self.endpoint.address}/token for a token: status 401, " \
                '"invalid_client", "unknown secret"'
        wait_for("the endpoint's words", lambda: words in self.target_of(server, "oauth")["lastError"])
        wait_for("up to be 0", lambda: server.value('up{job="oauth"}') == 0)
        self.endpoint.secret = "third-secret"
        wait_for("its return", lambda: server.value('up{job="oauth"}') == 1)
        self.tls_proxy.refuses = 407
        self.bearer = "none"
        # What was opened before lasts; a renewed certificate ends it.
        self.renew("client-3")
        words = f"asking the proxy {self.tls_proxy.address} for target.test:{self.port}: status 407 " \
                "Proxy Authentication Required"
        wait_for("the proxy's refusal", lambda: words in self.target_of(server, "bearer")["lastError"])

    def check_nothing_is_told(self, server):
        told = [server.log()] + [server.get(path)[2].decode() for path in (
            "/api/v1/targets", "/api/v1/status/config", "/api/v1/status/flags", "/metrics")]
        for secret in (*SECRETS, "token-"):
            for text in told:
                self.assertNotIn(secret, text)


if __name__ == "__main__":
    main()
