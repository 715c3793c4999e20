"""What members show in a handshake, and whom they refuse."""

import json
import socket
import ssl
from urllib.parse import urlsplit

from .members import folders


def shown(url, certificates, name=None):
    """The certificate that whoever serves at `url` shows in a new handshake, verified by the CA in `certificates`:
    serialNumber, notAfter, subjectAltName, issuer."""
    at = urlsplit(url)
    context = ssl.create_default_context(cafile=certificates / "ca.pem")
    context.load_cert_chain(certificates / "client.pem", certificates / "client.key")
    with socket.create_connection((at.hostname, at.port), timeout=10) as raw:
        with context.wrap_socket(raw, server_hostname=name or at.hostname) as tls:
            return tls.getpeercert()


def rejected(server, instance):
    """Handshakes that members refused for a certificate, clients' and each other's, by their own logs."""
    found = []
    for _, folder in folders(server, instance):
        for line in (folder / "log/etcd.log").read_text(errors="replace").splitlines():
            error = str(json.loads(line).get("error")) if "rejected connection" in line else ""
            # One that ended without a word (a client that went away) is none, nor is a question at the peers' port
            # whether anyone serves there, which shows no certificate.
            if "certificate" in error and "didn't provide" not in error:
                found.append(line)
    return found
