"""Certificates made anew by an authority that nobody else knows."""

from __future__ import annotations

import ssl
from pathlib import Path

import trustme

LOCALHOST_NAMES = ("localhost", "127.0.0.1", "::1")
CA_FILE_NAME = "exchange.pem"
CLIENT_FILE_NAME = "client.pem"


class CertificateAuthority:
    """Issues the certificates of one exchange."""

    def __init__(self, host: str) -> None:
        self._authority = trustme.CA()
        self._server = self._authority.issue_cert(*dict.fromkeys((host, *LOCALHOST_NAMES)))

    def context(self, *, asks_clients: bool = False) -> ssl.SSLContext:
        """What a server of the exchange shows; ``asks_clients``: it wants to see a certificate of theirs, and takes none too."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._server.configure_cert(context)
        if asks_clients:
            self._authority.configure_trust(context)
            context.verify_mode = ssl.CERT_OPTIONAL
        return context

    def write(self, folder: Path) -> None:
        """Write what clients need: whom to trust, and a certificate of their own with its key. Raises OSError."""
        self._authority.cert_pem.write_to_path(str(folder / CA_FILE_NAME))
        self._authority.issue_cert("bot@localhost").private_key_and_cert_chain_pem.write_to_path(
            str(folder / CLIENT_FILE_NAME)
        )
