"""A provider of identities on a port of this machine, over real HTTP, which lies where a test tells it to."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, parse_qsl, urlencode, urlsplit

from joserfc import jws, jwt
from joserfc.jwk import KeySet, RSAKey

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

LTI = "https://purl.imsglobal.org/spec/lti/claim/"
MEMBERSHIP = "http://purl.imsglobal.org/vocab/lis/v2/membership"
SCORE_SCOPE = "https://purl.imsglobal.org/spec/lti-ags/scope/score"
CLIENT, SECRET = "the contest", "s3cret &%"


@cache
def rsa_key(name: str) -> RSAKey:
    """Return a key of this name; it takes a tenth of a second to draw one."""
    return RSAKey.generate_key(2048, {"kid": name, "use": "sig"})


def signed(claims: dict[str, Any], key: RSAKey, **header: Any) -> str:
    """Return a token. `alg` none has no signature, and HS256 is signed with the text of the public key."""
    known = {"alg": "RS256", "kid": key.kid, **header}
    if known["alg"] == "RS256":
        return jws.serialize_compact(known, json.dumps(claims).encode(), key)
    text = ".".join(_encoded(json.dumps(part).encode()) for part in (known, claims))
    public = key.as_pem(private=False)
    signature = hmac.digest(public, text.encode(), "sha256") if known["alg"] == "HS256" else b""
    return f"{text}.{_encoded(signature)}"


def _encoded(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).decode().rstrip("=")


@dataclass
class Provider:
    """What the provider does. A test changes its fields; `asked` counts what was asked of each path."""

    address: str
    now: Callable[[], float] = time.time  # of its tokens
    key: str = "first"  # that signs
    published: list[str] = field(default_factory=lambda: ["first"])
    claims: dict[str, Any] = field(
        default_factory=dict
    )  # in place of, or beside, the right ones; None: left out
    header: dict[str, Any] = field(default_factory=dict)
    answers: dict[str, tuple[int, dict[str, str], bytes]] = field(
        default_factory=dict
    )  # in place of right ones, by path
    asked: dict[str, int] = field(default_factory=dict)
    codes: dict[str, dict[str, str]] = field(default_factory=dict)
    scores: list[tuple[str, dict[str, Any]]] = field(default_factory=list)  # line and score
    secret_by: str = "client_secret_basic"
    token: str = ""  # to send in place of the right one
    tool_keys: dict[str, Any] = field(default_factory=dict)  # that the site publishes

    def id_token(self, nonce: str) -> str:
        """Return a token as it should be, but for what the test spoilt."""
        now = self.now()
        right = {
            "iss": self.address, "sub": "u1", "aud": CLIENT, "nonce": nonce, "iat": now, "exp": now + 300,
            "email": "ada@example.org", "email_verified": True,
        }  # fmt: skip
        claims = {name: value for name, value in {**right, **self.claims}.items() if value is not None}
        return signed(claims, rsa_key(self.key), **self.header)

    def sign_in(self, address: str) -> str:
        """Do as a browser of somebody who signs in at `address`, and return the address that it is sent back to."""
        parts = urlsplit(address)
        asked = dict(parse_qsl(parts.query))
        assert f"{parts.scheme}://{parts.netloc}{parts.path}" == f"{self.address}/authorize"
        code = secrets.token_urlsafe(8)
        self.codes[code] = asked
        return f"{asked['redirect_uri']}?{urlencode({'code': code, 'state': asked['state'], 'iss': self.address})}"

    def exchange(self, fields: dict[str, str], authorization: str) -> dict[str, Any]:
        """Return the tokens that a code stands for, once, if the client knows secret and verifier."""
        asked = self.codes.pop(fields["code"])
        assert asked["code_challenge"] == _encoded(hashlib.sha256(fields["code_verifier"].encode()).digest())
        assert asked["redirect_uri"] == fields["redirect_uri"]
        if self.secret_by == "client_secret_post":
            assert fields["client_secret"] == SECRET
        elif self.secret_by == "client_secret_basic":
            pair = f"{CLIENT}:{SECRET}".replace(" ", "%20").replace("&%", "%26%25")
            assert authorization == f"Basic {base64.b64encode(pair.encode()).decode()}"
        return {
            "access_token": "x",
            "token_type": "Bearer",
            "id_token": self.token or self.id_token(asked["nonce"]),
        }

    def answer(self, path: str, body: bytes, headers: dict[str, str]) -> dict[str, Any] | None:
        """Return what the provider answers to a request; None where there is nothing."""
        if path == "/.well-known/openid-configuration":
            return {
                "issuer": self.address, "authorization_endpoint": f"{self.address}/authorize",
                "token_endpoint": f"{self.address}/token", "jwks_uri": f"{self.address}/keys",
                "token_endpoint_auth_methods_supported": [self.secret_by],
            }  # fmt: skip
        if path == "/keys":
            return {"keys": [rsa_key(name).as_dict(private=False) for name in self.published]}
        if path == "/token":
            fields = {name: values[0] for name, values in parse_qs(body.decode()).items()}
            return self.exchange(fields, headers.get("authorization", ""))
        if path == "/lti/token":
            fields = {name: values[0] for name, values in parse_qs(body.decode()).items()}
            return self.access(fields)
        if path.startswith("/lines/"):
            assert headers["authorization"] == "Bearer for scores"
            assert headers["content-type"] == "application/vnd.ims.lis.v1.score+json"
            self.scores.append((path, json.loads(body)))
            return {}
        return None

    def access(self, fields: dict[str, str]) -> dict[str, Any]:
        """Return an access token for whoever proves by its published key to be the contest."""
        claims = jwt.decode(
            fields["client_assertion"], KeySet([RSAKey.import_key(self.tool_keys["keys"][0])]), ["RS256"]
        ).claims
        assert (claims["iss"], claims["sub"], claims["aud"]) == (CLIENT, CLIENT, f"{self.address}/lti/token")
        assert claims["iat"] <= time.time() < claims["exp"] <= claims["iat"] + 300
        assert claims["jti"]
        assert fields["scope"] == SCORE_SCOPE
        assert fields["grant_type"] == "client_credentials"
        return {"access_token": "for scores", "token_type": "Bearer", "expires_in": 3600}

    def launch(self, address: str, **claims: Any) -> dict[str, str]:
        """Do as a browser of somebody who is sent to the platform at `address`, and return the form that it sends back."""
        parts = urlsplit(address)
        asked = dict(parse_qsl(parts.query))
        assert f"{parts.scheme}://{parts.netloc}{parts.path}" == f"{self.address}/lti/auth"
        assert (asked["scope"], asked["response_mode"], asked["prompt"]) == ("openid", "form_post", "none")
        assert (asked["login_hint"], asked["lti_message_hint"]) == ("7", "a & b")
        endpoint = {"scope": [SCORE_SCOPE], "lineitem": f"{self.address}/lines/1?type=x"}
        right = {
            LTI + "message_type": "LtiResourceLinkRequest", LTI + "version": "1.3.0", LTI + "deployment_id": "d1",
            LTI + "resource_link": {"id": "r1"}, LTI + "roles": [f"{MEMBERSHIP}#Learner"], "name": "Ada of the platform",
            LTI + "target_link_uri": "https://elsewhere.example/task/toy_task",
            "https://purl.imsglobal.org/spec/lti-ags/claim/endpoint": endpoint, "email_verified": None,
        }  # fmt: skip
        self.claims = {**right, **self.claims, **claims}
        return {"state": asked["state"], "id_token": self.token or self.id_token(asked["nonce"])}


@contextmanager
def provider_on_a_port() -> Iterator[Provider]:
    """Run a provider."""
    provider = Provider("")

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length", 0)))
            path = urlsplit(self.path).path
            provider.asked[path] = provider.asked.get(path, 0) + 1
            status, headers, content = provider.answers.get(path) or self._usual(path, body)
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_POST = do_GET  # noqa: N815 -- as http.server names it

        def _usual(self, path: str, body: bytes) -> tuple[int, dict[str, str], bytes]:
            lowered = {name.lower(): value for name, value in self.headers.items()}
            here = provider.address + self.path
            if path == "/authorize":  # a browser came, of somebody who is known
                return 303, {"Location": provider.sign_in(here)}, b""
            if path == "/lti/auth":
                return 200, {"Content-Type": "text/html"}, self._launch(here).encode()
            try:
                answer = provider.answer(path, body, lowered)
            except (AssertionError, KeyError):
                return 400, {}, b'{"error": "invalid_request"}'
            return (404, {}, b"") if answer is None else (200, {}, json.dumps(answer).encode())

        def _launch(self, address: str) -> str:
            site = parse_qs(urlsplit(address).query)["redirect_uri"][0]
            fields = "".join(
                f'<input type="hidden" name="{name}" value="{value}">'
                for name, value in provider.launch(address).items()
            )
            return f'<form method="post" action="{site}">{fields}<button>Go</button></form>'

        def log_message(self, *_: object) -> None:
            """Print nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    provider.address = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield provider
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
