"""The API as a web application: who may call, what is answered, and the faults that were asked for."""

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

from perfbench.exchange.account.sessions import Sessions
from perfbench.exchange.api import rpc
from perfbench.exchange.api.exceptions import SERVICES, APINGException
from perfbench.exchange.api.fault_injection import FAULT_STATUS_CODES, FAULTS_BEFORE_EXECUTION, FaultInjector
from perfbench.exchange.api.operations import OperationDispatcher
from perfbench.exchange.api.rpc import HttpReply
from perfbench.exchange.network.tcp_reset import reset_transport

MAX_REQUEST_BYTES = 1 << 20
"""Bytes of a request; more is refused."""

COMPRESSION_THRESHOLD_BYTES = 1024
"""Bytes of an answer that is never compressed."""


class ConnectionDropped(Exception):
    """The connection is to be reset."""


@dataclass(frozen=True, slots=True)
class ApplicationContext:
    """What the application works with; ``service``: seconds that every call takes more, ``patience``: those that a request may."""

    operations: OperationDispatcher
    sessions: Sessions
    faults: FaultInjector
    service: float
    patience: float


class Application:
    """Handles requests. ``calls`` counts them by operation; ``spoken``: connections on which there was one."""

    def __init__(self, rooms: ApplicationContext) -> None:
        self._rooms = rooms
        self.calls: Counter[str] = Counter()
        self.spoken: set[RequestHandler] = set()
        self.app = web.Application(client_max_size=MAX_REQUEST_BYTES, middlewares=[self._guarded])
        self.app.router.add_post("/api/{act:login|certlogin|keepAlive|logout}", self._identify)
        self.app.router.add_post("/exchange/{service:betting|account}/json-rpc/v1", self._serve)
        self.app.router.add_post("/exchange/{service:betting|account}/json-rpc/v1/", self._serve)
        self.app.router.add_post("/exchange/{service:betting|account}/rest/v1.0/{operation}", self._serve)
        self.app.router.add_post("/exchange/{service:betting|account}/rest/v1.0/{operation}/", self._serve)

    @web.middleware
    async def _guarded(
        self, request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        self.spoken.add(request.protocol)
        try:
            return await handler(request)
        except ConnectionDropped:
            reset_transport(request.transport)
            return web.Response()  # nobody gets it
        except web.HTTPException as error:
            return _build_error_response(request, error)
        except ConnectionError:
            raise
        except Exception:
            traceback.print_exc()  # a bug: it is told, and the exchange goes on
            return _build_error_response(request, web.HTTPInternalServerError())

    async def _body(self, request: web.Request) -> bytes:
        try:
            return await asyncio.wait_for(request.read(), self._rooms.patience)
        except asyncio.TimeoutError as error:
            raise web.HTTPRequestTimeout from error

    # Identity ----------------------------------------------------------------------------------------------------------------

    async def _identify(self, request: web.Request) -> web.StreamResponse:
        act = request.match_info["act"]
        self.calls[act] += 1
        if act in ("login", "certlogin"):
            answer = self._log_in(act, request, await self._body(request))
        else:
            answer = self._renew(act, request)
        return _build_response(request, HttpReply(200, msgspec.json.encode(answer)))

    def _log_in(self, act: str, request: web.Request, body: bytes) -> dict[str, Any]:
        said = parse_qs(body.decode("utf-8", "replace"))
        user, password = (said.get(name, [""])[0] for name in ("username", "password"))
        application = request.headers.get("X-Application", "")
        session = None if not application else self._rooms.sessions.log_in(user, password)
        problem = "" if session else "INVALID_USERNAME_OR_PASSWORD" if application else "INPUT_VALIDATION_ERROR"
        if act == "certlogin":
            certificate = request.transport.get_extra_info("peercert") if request.transport else None
            if not certificate:
                return {"loginStatus": "CERT_AUTH_REQUIRED"}
            return {"sessionToken": session, "loginStatus": "SUCCESS"} if session else {"loginStatus": problem}
        status = "SUCCESS" if session else "FAIL"
        return {"token": session or "", "product": application, "status": status, "error": problem}

    def _renew(self, act: str, request: web.Request) -> dict[str, Any]:
        session = request.headers.get("X-Authentication", "")
        sessions = self._rooms.sessions
        done = sessions.keep_alive(session) if act == "keepAlive" else sessions.log_out(session)
        product = request.headers.get("X-Application", "")
        status, problem = ("SUCCESS", "") if done else ("FAIL", "NO_SESSION")
        return {"token": session, "product": product, "status": status, "error": problem}

    # Calls -------------------------------------------------------------------------------------------------------------------

    async def _serve(self, request: web.Request) -> web.StreamResponse:
        body = await self._body(request)
        kind = self._rooms.faults.next()
        if kind == "reset":
            raise ConnectionDropped
        if kind in FAULT_STATUS_CODES:
            return _build_response(request, HttpReply(FAULT_STATUS_CODES[kind], b"{}"))
        await asyncio.sleep(self._rooms.service)
        reply = await self._answered(request, body, failing=kind in FAULTS_BEFORE_EXECUTION)
        if kind == "lost":
            raise ConnectionDropped
        if kind == "half":
            await _send_truncated_response(request, reply)
            raise ConnectionDropped
        if kind == "stall":
            await asyncio.sleep(self._rooms.faults.terms.stall)
        return _build_response(request, reply)

    async def _answered(self, request: web.Request, body: bytes, *, failing: bool) -> HttpReply:
        name = request.match_info["service"]

        async def call(operation: str, parameters: Any) -> Any:
            self.calls[operation if len(self.calls) < COMPRESSION_THRESHOLD_BYTES else "other"] += 1
            account = self._account(request)
            wish = self._rooms.operations.read(name, operation, parameters)
            if failing:
                raise APINGException("UNEXPECTED_ERROR", "a fault that was asked for")
            return await self._rooms.operations.answer(operation, wish, account)

        operation = request.match_info.get("operation")
        if operation is None:
            return await rpc.answer_json_rpc(SERVICES[name], body, call)
        return await rpc.answer_rest(SERVICES[name], operation, body, call)

    def _account(self, request: web.Request) -> str:
        session = request.headers.get("X-Authentication")
        if not request.headers.get("X-Application"):
            raise APINGException("NO_APP_KEY", "the header X-Application is missing")
        if session is None:
            raise APINGException("NO_SESSION", "the header X-Authentication is missing")
        if not self._rooms.sessions.valid(session):
            raise APINGException("INVALID_SESSION_INFORMATION", "no session that a login gave")
        return self._rooms.sessions.account(session)


def _build_error_response(request: web.Request, error: web.HTTPException) -> web.Response:
    said = {"status": error.status, "error": error.reason}
    return _build_response(request, HttpReply(error.status, msgspec.json.encode(said)))


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
