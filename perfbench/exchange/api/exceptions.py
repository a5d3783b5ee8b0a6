"""Error codes and exceptions of the API.

Codes: Betfair, Exchange API, Betting Exceptions; JSON-RPC error codes belong to the transport (``DSC``).
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
    "INVALID_APP_KEY": 7,
    "TOO_MANY_REQUESTS": 8,
    "REQUEST_SIZE_EXCEEDS_LIMIT": 12,
    "ACCESS_DENIED": 13,
}


class APINGException(Exception):
    """Call rejected by the service, with an error code and details."""

    def __init__(self, code: str, details: str = "") -> None:
        super().__init__(details)
        self.code = code


class RpcError(Exception):
    """Call rejected before it reaches the service, with a JSON-RPC code and a transport code."""

    def __init__(self, rpc_code: int, transport_code: str, details: str) -> None:
        super().__init__(details)
        self.rpc_code, self.transport_code = rpc_code, transport_code


def reject_input(name: str, reason: str) -> APINGException:
    """Return the exception for an invalid or unsupported parameter."""
    return APINGException("INVALID_INPUT_DATA", f"{name}: {reason}")


@dataclass(frozen=True, slots=True)
class ApiService:
    """API service: prefix of its method names, prefix of its error messages, and name of its exception."""

    method_prefix: str
    error_prefix: str
    exception_name: str

    def describe_exception(self, error: APINGException) -> tuple[str, dict[str, Any]]:
        """Return the error message and the error details of an exception."""
        details = {"requestUUID": str(uuid.uuid4()), "errorCode": error.code, "errorDetails": str(error)}
        message = f"{self.error_prefix}-{ERROR_NUMBERS.get(error.code, 6):04}"
        return message, {self.exception_name: details, "exceptionname": self.exception_name}


BETTING_SERVICE = ApiService("SportsAPING/v1.0/", "ANGX", "APINGException")
ACCOUNT_SERVICE = ApiService("AccountAPING/v1.0/", "AANGX", "AccountAPINGException")
HEARTBEAT_SERVICE = ApiService("HeartbeatAPING/v1.0/", "ANGX", "APINGException")
SERVICES = {"betting": BETTING_SERVICE, "account": ACCOUNT_SERVICE, "heartbeat": HEARTBEAT_SERVICE}

PARSE_ERROR = -32700
INVALID_REQUEST = -32600
METHOD_NOT_FOUND = -32601
INVALID_PARAMS = -32602
