"""A forward proxy on loopback: tunnels for CONNECT, an answer of its own for everything else."""
import selectors
import socket
import socketserver
import threading


class ForwardProxy:
    """Each tunnel leads to 127.0.0.1, whatever name was asked for. `heads` has the heads of all requests.

    `refuses` is the status that requests get while it is set. With `tls`, an ssl context, it is spoken to over TLS.
    """

    def __init__(self, tls=None):
        self.heads = []
        self.refuses = None
        outer = self

        class Handler(socketserver.BaseRequestHandler):
            def handle(self):
                try:
                    with tls.wrap_socket(self.request, server_side=True) if tls else self.request as client:
                        outer.serve(client)
                except OSError:
                    pass  # somebody hung up

        class Threaded(socketserver.ThreadingTCPServer):
            daemon_threads = True
            request_queue_size = 128

        self.server = Threaded(("127.0.0.1", 0), Handler)
        self.address = f"127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()

    def serve(self, client):
        while True:
            head = b""
            while not head.endswith(b"\r\n\r\n"):
                byte = client.recv(1)
                if not byte:
                    return
                head += byte
            text = head.decode()
            self.heads.append(text)
            if self.refuses:
                client.sendall(f"HTTP/1.1 {self.refuses} No\r\nContent-Length: 0\r\n\r\n".encode())
            elif text.startswith("CONNECT "):
                with socket.create_connection(("127.0.0.1", int(text.split()[1].rsplit(":")[1]))) as target:
                    client.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
                    self.pump(client, target)
                return
            else:
                page = b"proxied 1\n"
                client.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: text/plain; version=0.0.4\r\n"
                               b"Content-Length: %d\r\n\r\n%s" % (len(page), page))

    @staticmethod
    def pump(client, target):
        with selectors.DefaultSelector() as waits:
            waits.register(client, selectors.EVENT_READ, target)
            waits.register(target, selectors.EVENT_READ, client)
            while True:
                for key, _ in waits.select():
                    data = key.fileobj.recv(65536)
                    while hasattr(key.fileobj, "pending") and key.fileobj.pending():
                        data += key.fileobj.recv(65536)
                    if not data:
                        return
                    key.data.sendall(data)
