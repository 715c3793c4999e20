"""Using a cluster as its clients do: the matching etcdctl, and gRPC with mTLS."""

import os
import shutil
import subprocess
import threading

import grpc

from .server import VERSIONS


def write_credentials(credential, directory):
    """Writes ca.pem, client.pem and client.key, readable by their owner only."""
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    for name, text in (("ca.pem", credential["CACert"]), ("client.pem", credential["Cert"]), ("client.key", credential["Key"])):
        with open(os.open(directory / name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            file.write(text)
    return directory


def etcdctl(version, endpoint, certificates, *arguments, check=True):
    """Runs the etcdctl of `version`; `certificates` None leaves the client certificate out."""
    program = VERSIONS / version / "etcdctl"
    program = str(program) if program.exists() else shutil.which("etcdctl")
    command = [program, "--endpoints", endpoint, "--dial-timeout", "3s", "--command-timeout", "5s"]
    if certificates:
        command += ["--cacert", str(certificates / "ca.pem"), "--cert", str(certificates / "client.pem"),
                    "--key", str(certificates / "client.key")]
    done = subprocess.run([*command, *arguments], capture_output=True, text=True, timeout=30, check=False,
                          env={"ETCDCTL_API": "3", "PATH": os.environ["PATH"]})
    assert not check or done.returncode == 0, f"etcdctl {' '.join(arguments)}: {done.stdout}{done.stderr}"
    return done


def _varint(number):
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


def _field(number, value):
    return _varint(number << 3 | 2) + _varint(len(value)) + value


def _read_varint(data, place):
    number = shift = 0
    while True:
        byte = data[place]
        place += 1
        number |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            return number, place


def _fields(data):
    """(number, value) of a protobuf message; enough of the format for etcd's answers."""
    place = 0
    while place < len(data):
        tag, place = _read_varint(data, place)
        if tag & 7 == 2:
            length, place = _read_varint(data, place)
            yield tag >> 3, data[place:place + length]
            place += length
        else:
            value, place = _read_varint(data, place)
            yield tag >> 3, value


def _int_field(number, value):
    return _varint(number << 3) + _varint(value)


def _revision(answer):
    """The store's revision in an answer's header."""
    return dict(_fields(dict(_fields(answer))[1])).get(3, 0)


HANDSHAKE_MS = 3000  # on a busy machine a handshake takes its time, which is no refusal


class WatchCancelled(Exception):
    """etcd ended the watch, and says why."""


class Client:
    """An etcd client of a few lines over gRPC. It never tries again by itself: each failure shows."""

    def __init__(self, url, certificates, connect_ms=100):
        """`certificates` None: a cluster without TLS. `connect_ms`: the pause between two tries to connect, and how long
        one may take where that is longer than HANDSHAKE_MS."""
        options = [
            ("grpc.enable_retries", 0), ("grpc.use_local_subchannel_pool", 1), ("grpc.enable_http_proxy", 0),
            ("grpc.initial_reconnect_backoff_ms", connect_ms), ("grpc.min_reconnect_backoff_ms", max(connect_ms, HANDSHAKE_MS)),
            ("grpc.max_reconnect_backoff_ms", connect_ms)]
        address = url.split("://")[1]
        if certificates:
            pair = [(certificates / name).read_bytes() for name in ("ca.pem", "client.key", "client.pem")]
            self.channel = grpc.secure_channel(address, grpc.ssl_channel_credentials(*pair), options=options)
        else:
            self.channel = grpc.insecure_channel(address, options=options)
        self._put = self.channel.unary_unary("/etcdserverpb.KV/Put")
        self._range = self.channel.unary_unary("/etcdserverpb.KV/Range")
        self._txn = self.channel.unary_unary("/etcdserverpb.KV/Txn")
        self._watch = self.channel.stream_stream("/etcdserverpb.Watch/Watch")
        self._status = self.channel.unary_unary("/etcdserverpb.Maintenance/Status")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.channel.close()

    def put(self, key, value, timeout=5.0):
        """Answers with the revision of the write."""
        return _revision(self._put(_field(1, key.encode()) + _field(2, value.encode()), timeout=timeout))

    def get(self, key, timeout=5.0):
        """A linearizable read; None where the key is not there."""
        answer = self._range(_field(1, key.encode()), timeout=timeout)
        for number, value in _fields(answer):
            if number == 2:
                return dict(_fields(value)).get(5, b"").decode()
        return None

    def read(self, key, timeout=5.0):
        """A linearizable read: the store's revision, and the value or None."""
        answer = self._range(_field(1, key.encode()), timeout=timeout)
        pairs = [dict(_fields(value)) for number, value in _fields(answer) if number == 2]
        return _revision(answer), pairs[0].get(5, b"").decode() if pairs else None

    def prefix(self, prefix, timeout=10.0):
        """Every key that begins with `prefix`, with its value."""
        start = prefix.encode()
        answer = self._range(_field(1, start) + _field(2, start[:-1] + bytes([start[-1] + 1])), timeout=timeout)
        pairs = [dict(_fields(value)) for number, value in _fields(answer) if number == 2]
        return {pair[1].decode(): pair.get(5, b"").decode() for pair in pairs}

    def swap(self, key, expected, value, timeout=5.0):
        """Writes `value` where the key holds `expected` (None: is not there). Answers with the store's revision,
        whether it was written, and what the key held where it was not."""
        name = _field(1, key.encode())
        there = _field(3, key.encode())
        # Compare of the value, or of the creation's revision with 0; EQUAL is 0, which is not written.
        compare = _int_field(2, 3) + there + _field(7, expected.encode()) if expected is not None else _int_field(2, 1) + there + _int_field(5, 0)
        put = _field(2, name + _field(2, value.encode()))
        answer = self._txn(_field(1, compare) + _field(2, put) + _field(3, _field(1, name)), timeout=timeout)
        fields = list(_fields(answer))
        if dict(fields).get(2):
            return _revision(answer), True, None
        response = dict(_fields(dict(_fields(next(value for number, value in fields if number == 3)))[1]))
        return _revision(answer), False, dict(_fields(response[2])).get(5, b"").decode() if 2 in response else None

    def watch(self, prefix, revision, calls):
        """Every write below `prefix` from `revision` on, as (revision, key, value), until the stream breaks. `calls`
        gets the running call, so that another thread can end it."""
        start = prefix.encode()
        create = _field(1, start) + _field(2, start[:-1] + bytes([start[-1] + 1])) + _int_field(3, revision)
        over = threading.Event()

        def requests():
            yield _field(1, create)
            over.wait()  # the stream ends with its requests

        call = self._watch(requests())
        calls.append(call)
        try:
            for answer in call:
                fields = list(_fields(answer))
                if dict(fields).get(4):
                    raise WatchCancelled(dict(fields).get(6, b"").decode())
                for event in (dict(_fields(value)) for number, value in fields if number == 11):
                    pair = dict(_fields(event[2]))
                    yield pair[3], pair[1].decode(), pair.get(5, b"").decode()
        finally:
            over.set()

    def status(self, timeout=5.0):
        """cluster, member and leader IDs as this member sees them, the store's revision, and the database's bytes."""
        raw = self._status(b"", timeout=timeout)
        answer = dict(_fields(raw))
        header = dict(_fields(answer[1]))
        return {"cluster": header[1], "member": header[2], "leader": answer.get(4, 0), "revision": _revision(raw),
                "database": answer.get(3, 0)}

    def answers(self, timeout=0.5):
        """Whether a linearizable read succeeds now."""
        try:
            self.get("health", timeout)
            return True
        except grpc.RpcError:
            return False
