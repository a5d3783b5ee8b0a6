"""Throw-away certificate authority."""

from __future__ import annotations

import os
import ssl
from pathlib import Path

from perfbench.util.extras import require_extra

LOCALHOST_NAMES = ("localhost", "127.0.0.1", "::1")
CA_FILE_NAME = "exchange.pem"
CLIENT_FILE_NAME = "client.pem"
OWNER_ONLY = 0o600


class CertificateAuthority:
    """Issues the certificates of one exchange. Raises ExtraMissing without the extra ``exchange``."""

    def __init__(self, host: str) -> None:
        require_extra("exchange", "the exchange", "trustme")
        import trustme  # noqa: PLC0415 - an extra

        self._authority = trustme.CA()
        self._server = self._authority.issue_cert(*dict.fromkeys((host, *LOCALHOST_NAMES)))

    def create_server_context(self, *, request_client_certificate: bool = False) -> ssl.SSLContext:
        """Create the TLS context of a server; optionally request, but not require, a client certificate."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._server.configure_cert(context)
        if request_client_certificate:
            self._authority.configure_trust(context)
            context.verify_mode = ssl.CERT_OPTIONAL
        return context

    def write_files(self, folder: Path) -> None:
        """Write the CA certificate, and a client certificate with its key, to a folder. Raises OSError.

        Nobody but the user may read the key.
        """
        self._authority.cert_pem.write_to_path(str(folder / CA_FILE_NAME))
        client = self._authority.issue_cert("bot@localhost").private_key_and_cert_chain_pem.bytes()
        path = folder / CLIENT_FILE_NAME
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, OWNER_ONLY), "wb") as file:
            path.chmod(OWNER_ONLY)  # a file of an earlier exchange keeps its mode
            file.write(client)
