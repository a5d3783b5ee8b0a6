"""Web application of the API: routes, logins, calls and injected faults."""

from __future__ import annotations

import asyncio
import traceback
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs

import msgspec
from aiohttp import web
from aiohttp.web_protocol import RequestHandler

from perfbench.exchange.account.sessions import LoginError, Sessions
from perfbench.exchange.api import rpc
from perfbench.exchange.api.exceptions import SERVICES, APINGException
from perfbench.exchange.api.fault_injection import FAULT_STATUS_CODES, FAULTS_BEFORE_EXECUTION, FaultInjector
from perfbench.exchange.api.operations import Caller, OperationDispatcher
from perfbench.exchange.api.rpc import HttpReply
from perfbench.exchange.app_keys import AppKeys
from perfbench.exchange.network.tcp_reset import reset_transport

MAX_REQUEST_BYTES = 1 << 20
"""Maximum size of a request."""

COMPRESSION_THRESHOLD_BYTES = 1024
"""Responses up to this size are not compressed."""

MAX_COUNTED_OPERATIONS = 1024
"""Distinct operation names that are counted; further names are counted as "other"."""


class ConnectionDropped(Exception):
    """Raised to reset the connection of the current request."""


@dataclass(frozen=True, slots=True)
class ApplicationContext:
    """Dependencies of the application, with the extra latency of every call and the timeout of a request in seconds.

    ``begin_request`` and ``end_request`` are called with the connection of every request.
    """

    operations: OperationDispatcher
    sessions: Sessions
    app_keys: AppKeys
    faults: FaultInjector
    extra_latency: float
    request_timeout: float
    begin_request: Callable[[RequestHandler], None]
    end_request: Callable[[RequestHandler], None]


class Application:
    """Request handlers. ``calls`` counts calls by operation."""

    def __init__(self, context: ApplicationContext) -> None:
        self._context = context
        self.calls: Counter[str] = Counter()
        self.app = web.Application(client_max_size=MAX_REQUEST_BYTES, middlewares=[self._handle_errors])
        router = self.app.router
        router.add_post("/api/{act:login|certlogin|keepAlive|logout}", self._handle_identity)
        for slash in ("", "/"):
            router.add_post("/exchange/{service:betting|account|heartbeat}/json-rpc/v1" + slash, self._handle_call)
            router.add_post(
                "/exchange/{service:betting|account|heartbeat}/rest/v1.0/{operation}" + slash, self._handle_call
            )
        router.add_get("/exchange/betting/rest/v1/{locale}/navigation/menu.json", self._handle_navigation)

    @web.middleware
    async def _handle_errors(
        self, request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        self._context.begin_request(request.protocol)
        try:
            return await handler(request)
        except ConnectionDropped:
            reset_transport(request.transport)
            return web.Response()  # never sent
        except web.HTTPException as error:
            return _build_error_response(request, error)
        except ConnectionError:
            raise
        except Exception:
            traceback.print_exc()  # a bug in the exchange: reported, and not fatal to other clients
            return _build_error_response(request, web.HTTPInternalServerError())
        finally:
            self._context.end_request(request.protocol)

    async def _read_body(self, request: web.Request) -> bytes:
        try:
            return await asyncio.wait_for(request.read(), self._context.request_timeout)
        except asyncio.TimeoutError as error:
            raise web.HTTPRequestTimeout from error
        except web.RequestPayloadError as error:  # damaged chunks or compression
            raise web.HTTPBadRequest from error

    # Identity ----------------------------------------------------------------------------------------------------------------

    async def _handle_identity(self, request: web.Request) -> web.StreamResponse:
        action = request.match_info["act"]
        self.calls[action] += 1
        if action in ("login", "certlogin"):
            reply = self._log_in(action, request, await self._read_body(request))
        else:
            reply = self._renew_session(action, request)
        return _build_response(request, HttpReply(200, msgspec.json.encode(reply)))

    def _log_in(self, action: str, request: web.Request, body: bytes) -> dict[str, Any]:
        form = parse_qs(body.decode("utf-8", "replace"))
        user, password = (form.get(name, [""])[0] for name in ("username", "password"))
        app_key = _read_header(request, "X-Application")
        certificate = request.transport.get_extra_info("peercert") if request.transport else None
        if action == "certlogin" and not certificate:
            return {"loginStatus": "CERT_AUTH_REQUIRED"}
        session, error_code = "", "INPUT_VALIDATION_ERROR"
        if app_key:
            outcome = self._context.sessions.log_in(user, password)
            session, error_code = ("", outcome.value) if isinstance(outcome, LoginError) else (outcome, "")
        if action == "certlogin":
            return {"sessionToken": session, "loginStatus": "SUCCESS"} if session else {"loginStatus": error_code}
        return {"token": session, "product": app_key, "status": "SUCCESS" if session else "FAIL", "error": error_code}

    def _renew_session(self, action: str, request: web.Request) -> dict[str, Any]:
        session = _read_header(request, "X-Authentication")
        sessions = self._context.sessions
        succeeded = sessions.keep_alive(session) if action == "keepAlive" else sessions.log_out(session)
        product = _read_header(request, "X-Application")
        status, error_code = ("SUCCESS", "") if succeeded else ("FAIL", "NO_SESSION")
        return {"token": session, "product": product, "status": status, "error": error_code}

    # Calls -------------------------------------------------------------------------------------------------------------------

    async def _handle_call(self, request: web.Request) -> web.StreamResponse:
        body = await self._read_body(request)
        fault = self._context.faults.draw_fault()
        if fault == "reset":
            raise ConnectionDropped
        if fault in FAULT_STATUS_CODES:
            return _build_response(request, HttpReply(FAULT_STATUS_CODES[fault], b"{}"))
        await asyncio.sleep(self._context.extra_latency)
        reply = await self._answer_call(request, body, failing=fault in FAULTS_BEFORE_EXECUTION)
        if fault == "lost":
            raise ConnectionDropped
        if fault == "half":
            await _send_truncated_response(request, reply)
            raise ConnectionDropped
        if fault == "stall":
            await asyncio.sleep(self._context.faults.config.stall_seconds)
        return _build_response(request, reply)

    async def _answer_call(self, request: web.Request, body: bytes, *, failing: bool) -> HttpReply:
        name = request.match_info["service"]

        async def call(operation: str, parameters: Any) -> Any:
            self.calls[operation if len(self.calls) < MAX_COUNTED_OPERATIONS else "other"] += 1
            caller = self._identify_caller(request)
            decoded = self._context.operations.decode_parameters(name, operation, parameters)
            if failing:
                raise APINGException("UNEXPECTED_ERROR", "injected fault")
            return await self._context.operations.call(operation, decoded, caller)

        operation = request.match_info.get("operation")
        if operation is None:
            return await rpc.answer_json_rpc(SERVICES[name], body, call)
        return await rpc.answer_rest(SERVICES[name], operation, body, call)

    def _identify_caller(self, request: web.Request) -> Caller:
        app_key, session = _read_header(request, "X-Application"), _read_header(request, "X-Authentication")
        app_keys, sessions = self._context.app_keys, self._context.sessions
        if not app_key:
            raise APINGException("NO_APP_KEY", "missing header X-Application")
        if not app_keys.is_valid(app_key):
            raise APINGException("INVALID_APP_KEY", "not one of the application keys of this exchange")
        if not session:
            raise APINGException("NO_SESSION", "missing header X-Authentication")
        if not sessions.is_valid(session):
            raise APINGException("INVALID_SESSION_INFORMATION", "session was not issued by a login, or has expired")
        return Caller(sessions.get_account(session), app_keys.is_delayed(app_key))

    async def _handle_navigation(self, request: web.Request) -> web.StreamResponse:
        self.calls["navigation"] += 1

        async def call(_operation: str, _parameters: Any) -> Any:
            self._identify_caller(request)
            return self._context.operations.build_navigation_menu()

        return _build_response(request, await rpc.answer_rest(SERVICES["betting"], "navigation", b"", call))


def _read_header(request: web.Request, name: str) -> str:
    """A header, or "". Bytes that are no UTF-8, which aiohttp keeps as surrogates, are replaced: no reply could repeat them."""
    return request.headers.get(name, "").encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def _build_error_response(request: web.Request, error: web.HTTPException) -> web.Response:
    form = {"status": error.status, "error": error.reason}
    return _build_response(request, HttpReply(error.status, msgspec.json.encode(form)))


def _build_response(request: web.Request, reply: HttpReply) -> web.Response:
    response = web.Response(status=reply.status, body=reply.body, content_type="application/json")
    if len(reply.body) > COMPRESSION_THRESHOLD_BYTES and "gzip" in request.headers.get("Accept-Encoding", ""):
        response.enable_compression(web.ContentCoding.gzip)
    return response


async def _send_truncated_response(request: web.Request, reply: HttpReply) -> None:
    response = web.StreamResponse(status=reply.status, headers={"Content-Type": "application/json"})
    response.content_length = len(reply.body)
    await response.prepare(request)
    await response.write(reply.body[: len(reply.body) // 2])
