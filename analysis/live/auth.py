"""Who may read the page of a run: this machine alone, or whoever has the token where it is served
to others. And who may give orders: whoever opened the address with its token, from that very page.
"""

import hmac
import ipaddress
import os
import secrets
import zlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from aiohttp import web

# Vega's expressions are interpreted, not compiled: no script runs that was not served as a file.
# Charts and tooltips set styles.
HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self'"
        " data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "no-store",
}
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass(frozen=True)
class Access:
    """How the page of ``run`` is reached: at ``host`` and ``port``, with a ``token`` unless
    ``host`` is this machine's own loopback. ``steering``: the token of those who may give orders;
    empty where nobody may.
    """

    host: str
    port: int
    token: str = field(default="", repr=False)
    run: str = ""
    steering: str = field(default="", repr=False)

    @classmethod
    def at(cls, host: str, port: int, run: str = "", *, steers: bool = False) -> "Access":
        made = secrets.token_urlsafe(32)
        return cls(host, port, "" if is_loopback(host) else made, run, made if steers else "")

    @property
    def secret(self) -> str:
        """The token in the address; empty where there is none."""
        return self.token or self.steering

    @property
    def address(self) -> str:
        """What to open, with the token where there is one."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{host}:{self.port}/" + (f"?token={self.secret}" if self.secret else "")


def is_loopback(host: str) -> bool:
    """Whether only this machine can connect to ``host``."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def guard(access: Access) -> Callable[..., Awaitable[web.StreamResponse]]:
    """The middleware that refuses strangers, pages of others that call themselves this machine (DNS
    rebinding), and all but reading; but orders of those who may give them, from the page itself.
    """

    @web.middleware
    async def guarded(request: web.Request, handler: Handler) -> web.StreamResponse:
        is_order = request.method == "POST" and bool(access.steering)
        if request.method != "GET" and not is_order:
            return _refused(405, "This page is read only.")
        if not access.token and not _is_own_name(request.host):
            return _refused(403, "Open the page under 127.0.0.1 or localhost.")
        given = request.query.get("token")
        if not is_order and given is not None and _is_right(given, access):
            return _let_in(request, access)
        if (access.token or is_order) and not _is_known(request, access):
            return _refused(
                403, "Open the whole address that the command printed: it holds a token."
            )
        if is_order and not _is_from_here(request):
            return _refused(403, "Orders come from the page itself.")
        return await handler(request)

    return guarded


async def add_headers(request: web.Request, response: web.StreamResponse) -> None:
    """To be called before each answer goes out. Those that it brings along itself stay."""
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)


def may_steer(request: web.Request, access: Access) -> bool:
    """Whether who asks for the page may give orders from it."""
    return bool(access.steering) and _is_known(request, access)


def _is_known(request: web.Request, access: Access) -> bool:
    return _is_right(request.cookies.get(_cookie(request, access), ""), access)


def _is_own_name(host: str) -> bool:
    name = host.rsplit(":", 1)[0] if not host.endswith("]") else host
    return is_loopback(name.strip("[]"))


def _is_from_here(request: web.Request) -> bool:
    """Whether a script of the page itself asks. A page of others cannot set the kind of content
    without being asked for leave first, which nobody gives it.
    """
    return (
        request.headers.get("Origin") == f"http://{request.host}"
        and request.headers.get("Sec-Fetch-Site", "same-origin") == "same-origin"
        and request.content_type == "application/json"
    )


def _is_right(given: str, access: Access) -> bool:
    return bool(access.secret) and hmac.compare_digest(given.encode(), access.secret.encode())


def _let_in(request: web.Request, access: Access) -> web.Response:
    """The token moves from the address, which browsers keep and show, into a cookie that scripts
    cannot read.
    """
    response = web.Response(status=303, headers={"Location": request.path})
    response.set_cookie(_cookie(request, access), access.secret, httponly=True, samesite="Strict")
    return response


def _cookie(request: web.Request, access: Access) -> str:
    """The name of the cookie with the token: a browser sends those of a host to all its ports, and
    through tunnels many hosts are one.
    """
    assert request.transport is not None
    port = request.transport.get_extra_info("sockname")[1]
    return f"study_token_{port}_{zlib.crc32(os.fsencode(access.run)):08x}"


def _refused(status: int, why: str) -> web.Response:
    return web.Response(status=status, text=why + "\n")
