"""What members show in a handshake."""

import socket
import ssl
from urllib.parse import urlsplit


def shown(url, certificates, name=None):
    """The certificate that whoever serves at `url` shows in a new handshake, verified by the CA in `certificates`:
    serialNumber, notAfter, subjectAltName, issuer."""
    at = urlsplit(url)
    context = ssl.create_default_context(cafile=certificates / "ca.pem")
    context.load_cert_chain(certificates / "client.pem", certificates / "client.key")
    with socket.create_connection((at.hostname, at.port), timeout=10) as raw:
        with context.wrap_socket(raw, server_hostname=name or at.hostname) as tls:
            return tls.getpeercert()
