"""How the API refuses a call.

Codes: Betfair, Exchange API, Betting Exceptions; those of JSON-RPC are of the transport (``DSC``) that carries them.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import Any

ERROR_NUMBERS = {
    "TOO_MUCH_DATA": 1,
    "INVALID_INPUT_DATA": 2,
    "INVALID_SESSION_INFORMATION": 3,
    "NO_APP_KEY": 4,
    "NO_SESSION": 5,
    "UNEXPECTED_ERROR": 6,
    "REQUEST_SIZE_EXCEEDS_LIMIT": 12,
}


class APINGException(Exception):
    """A call that is refused by the service: its code, and why."""

    def __init__(self, code: str, details: str = "") -> None:
        super().__init__(details)
        self.code = code


class RpcError(Exception):
    """A call that never reaches the service: the number that JSON-RPC has for it, and the code of the transport."""

    def __init__(self, number: int, code: str, details: str) -> None:
        super().__init__(details)
        self.number, self.code = number, code


@dataclass(frozen=True, slots=True)
class ApiService:
    """One of the APIs: its name in the method of a call, and how its errors begin and are called."""

    method: str
    prefix: str
    exception: str

    def fault(self, refusal: APINGException) -> tuple[str, dict[str, Any]]:
        """A refusal as the service words it: the message, and its details."""
        said = {"requestUUID": str(uuid.uuid4()), "errorCode": refusal.code, "errorDetails": str(refusal)}
        message = f"{self.prefix}-{ERROR_NUMBERS.get(refusal.code, 6):04}"
        return message, {self.exception: said, "exceptionname": self.exception}


BETTING_SERVICE = ApiService("SportsAPING/v1.0/", "ANGX", "APINGException")
ACCOUNT_SERVICE = ApiService("AccountAPING/v1.0/", "AANGX", "AccountAPINGException")
SERVICES = {"betting": BETTING_SERVICE, "account": ACCOUNT_SERVICE}

PARSE_ERROR = -32700
INVALID_REQUEST = -32600
METHOD_NOT_FOUND = -32601
INVALID_PARAMS = -32602
