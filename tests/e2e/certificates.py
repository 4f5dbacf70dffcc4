"""Certificates made with the openssl program, for tests of TLS."""
import subprocess


class Authority:
    """Signs certificates; all files are in `folder`. `cert_file` is what those who trust it take."""

    def __init__(self, folder, name="authority"):
        self.folder = folder
        self.cert_file = folder / f"{name}.pem"
        self.key_file = folder / f"{name}.key"
        run("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
            "-subj", f"/CN={name}", "-keyout", self.key_file, "-out", self.cert_file)

    def issue(self, name, *alternatives):
        """Paths of a certificate and its key; `alternatives` as "DNS:host" and "IP:address"."""
        key, request, cert = (self.folder / f"{name}.{suffix}" for suffix in ("key", "csr", "pem"))
        extensions = ["-addext", "subjectAltName=" + ",".join(alternatives)] if alternatives else []
        run("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", f"/CN={name}",
            *extensions, "-keyout", key, "-out", request)
        run("x509", "-req", "-in", request, "-CA", self.cert_file, "-CAkey", self.key_file, "-CAcreateserial",
            "-days", "2", "-copy_extensions", "copy", "-out", cert)
        return cert, key


def run(*arguments):
    subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True)
