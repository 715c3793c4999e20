"""Requests built by hand, so that each part of one can be wrong. Signs as the official clients do."""

import base64
import hashlib
import hmac
import http.client
import json
import random
import time
import urllib.parse
from dataclasses import dataclass

SERVICE = "cetcd"
VERSION = "2022-03-25"
REGION = "ap-guangzhou"


@dataclass
class Answer:
    status: int
    headers: dict
    raw: bytes

    @property
    def response(self):
        return json.loads(self.raw)["Response"]

    @property
    def error(self):
        return self.response.get("Error")

    @property
    def code(self):
        """The error's code; None for a success."""
        return (self.error or {}).get("Code")

    @property
    def message(self):
        return (self.error or {}).get("Message", "")


def _hmac(key, text):
    return hmac.new(key, text.encode(), hashlib.sha256).digest()


def tc3(secret_id, secret_key, host, content_type, body, now, *, method="POST", query="", scope=SERVICE, date=None, payload=None):
    """The Authorization header of TC3-HMAC-SHA256 over `content-type;host`."""
    date = date or time.strftime("%Y-%m-%d", time.gmtime(now))
    hashed = hashlib.sha256(body if payload is None else payload).hexdigest()
    canonical = f"{method}\n/\n{query}\ncontent-type:{content_type}\nhost:{host}\n\ncontent-type;host\n{hashed}"
    credential = f"{date}/{scope}/tc3_request"
    text = f"TC3-HMAC-SHA256\n{now}\n{credential}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
    key = _hmac(_hmac(_hmac(f"TC3{secret_key}".encode(), date), scope), "tc3_request")
    signature = hmac.new(key, text.encode(), hashlib.sha256).hexdigest()
    return f"TC3-HMAC-SHA256 Credential={secret_id}/{credential}, SignedHeaders=content-type;host, Signature={signature}"


def flatten(value, name=""):
    """`{"A": [{"B": True}]}` as `{"A.0.B": "true"}`."""
    if isinstance(value, dict):
        pairs = [(f"{name}.{key}" if name else key, item) for key, item in value.items()]
    elif isinstance(value, list):
        pairs = [(f"{name}.{place}", item) for place, item in enumerate(value)]
    else:
        return {name: str(value).lower() if isinstance(value, bool) else str(value)}
    flat = {}
    for key, item in pairs:
        flat.update(flatten(item, key))
    return flat


class Raw:
    """A kept-alive connection that signs with one key pair."""

    def __init__(self, host, secret_id, secret_key, timeout=30):
        self.host, self.secret_id, self.secret_key = host, secret_id, secret_key
        self.connection = http.client.HTTPConnection(host, timeout=timeout)

    def close(self):
        self.connection.close()

    def send(self, method, target, body=b"", headers=None):
        """Exactly this request, tried once more where the server had closed the kept connection."""
        for last in (False, True):
            try:
                try:
                    self.connection.request(method, target, body=body, headers=headers or {})
                except (BrokenPipeError, ConnectionResetError):
                    pass  # an oversize body may be answered before its end; if it was not, the next line fails
                answer = self.connection.getresponse()
                return Answer(answer.status, {k.lower(): v for k, v in answer.getheaders()}, answer.read())
            except (http.client.RemoteDisconnected, http.client.ResponseNotReady, ConnectionResetError):
                self.connection.close()
                if last:
                    raise
        raise AssertionError("unreachable")

    def call(self, action, params=None, *, body=None, region=REGION, version=VERSION, now=None, secret_id=None,
             secret_key=None, headers=None, content_type="application/json", method="POST", **signing):
        """A TC3 request. `headers` overrides the common ones; a value of None leaves one out."""
        body = json.dumps(params if params is not None else {}).encode() if body is None else body
        now = int(time.time()) if now is None else now
        authorization = tc3(secret_id or self.secret_id, secret_key or self.secret_key, self.host, content_type,
                            body, now, method=method, **signing)
        common = {
            "Host": self.host, "Content-Type": content_type, "Authorization": authorization, "X-TC-Action": action,
            "X-TC-Version": version, "X-TC-Region": region, "X-TC-Timestamp": str(now), **(headers or {}),
        }
        return self.send(method, "/", body, {key: value for key, value in common.items() if value is not None})

    def form(self, action, params=None, *, region=REGION, **others):
        """The pairs of a v1 request, signed with HmacSHA256; `others` overrides common parameters."""
        pairs = {
            "Action": action, "Version": VERSION, "Region": region, "Timestamp": str(int(time.time())),
            "Nonce": str(random.getrandbits(48)), "SecretId": self.secret_id, "SignatureMethod": "HmacSHA256",
            **flatten(params or {}), **others,
        }
        text = f"POST{self.host}/?" + "&".join(f"{key}={pairs[key]}" for key in sorted(pairs))
        pairs["Signature"] = base64.b64encode(_hmac(self.secret_key.encode(), text)).decode()
        return urllib.parse.urlencode(pairs).encode()

    def post_form(self, form):
        return self.send("POST", "/", form, {"Host": self.host, "Content-Type": "application/x-www-form-urlencoded"})
