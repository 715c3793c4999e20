"""A real S3 server for backups, and a way to it that can be cut: as long as it is, the storage is dead for everybody."""

import re
import socket
import subprocess
import threading
import time
import urllib.request

import pytest

from .server import ROOT

BUCKET = "backups-1250000000"
PREFIX = "cetcd"


class Storage:
    """moto's server behind a port of ours. What it holds outlives the cut, as a disk outlives the death of its server."""

    def __init__(self):
        prepared = subprocess.run([str(ROOT / "scripts/test-env"), "s3"], capture_output=True, text=True, check=False)
        if prepared.returncode == 3:
            pytest.skip(prepared.stderr.strip())
        assert prepared.returncode == 0, prepared.stderr
        # It ends with its standard input.
        self.process = subprocess.Popen([prepared.stdout.strip(), str(ROOT / "tests/s3/serve.py")], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        self.server = ("127.0.0.1", int(self.process.stdout.readline()))
        self._ask("PUT", f"/{BUCKET}")
        self.lock, self.connections, self.listener = threading.Lock(), set(), None
        self.port = 0
        self.up()

    def settings(self):
        """What makes serve, and the command line, keep backups here."""
        return {"CETCD_BACKUP_URL": f"s3://{BUCKET}/{PREFIX}?endpoint=http://127.0.0.1:{self.port}",
                "CETCD_BACKUP_ACCESS_KEY_ID": "AKIDEXAMPLE", "CETCD_BACKUP_SECRET_ACCESS_KEY": "a secret"}

    def up(self):
        listener = socket.create_server(("127.0.0.1", self.port), reuse_port=False)
        self.port = listener.getsockname()[1]
        with self.lock:
            self.listener = listener
        threading.Thread(target=self._accept, args=(listener,), daemon=True).start()

    def down(self):
        """Whatever is under way breaks off, and nobody gets in any more."""
        with self.lock:
            listener, self.listener = self.listener, None
            broken, self.connections = self.connections, set()
        # Wakes the one who waits for connections, which closing alone would not.
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        for connection in broken:
            _cut(connection)

    def stored(self, instance, part):
        """IDs of the instance's snapshots of which this part is stored."""
        listing = self._ask("GET", f"/{BUCKET}?list-type=2&prefix={PREFIX}/{instance}/{part}/")
        return {key.rsplit("/", 1)[1] for key in re.findall(r"<Key>([^<]+)</Key>", listing)}

    def end(self):
        if self.listener:
            self.down()
        self.process.kill()
        self.process.wait()

    def _ask(self, method, path):
        """Straight to the server, which checks no signature and wants to see one."""
        signed = "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20260101/us-east-1/s3/aws4_request, SignedHeaders=host, Signature=0"
        request = urllib.request.Request(f"http://127.0.0.1:{self.server[1]}{path}", method=method, headers={"Authorization": signed})
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.read().decode()

    def _accept(self, listener):
        while True:
            try:
                near, _ = listener.accept()
            except OSError:
                return
            try:
                far = socket.create_connection(self.server, timeout=10)
                far.settimeout(None)
            except OSError:
                near.close()
                continue
            with self.lock:
                if self.listener is not listener:
                    _cut(near)
                    _cut(far)
                    return
                self.connections |= {near, far}
            for source, target in ((near, far), (far, near)):
                threading.Thread(target=self._pass, args=(source, target), daemon=True).start()

    def _pass(self, source, target):
        try:
            while part := source.recv(1 << 16):
                target.sendall(part)
        except OSError:
            pass
        with self.lock:
            self.connections -= {source, target}
        _cut(source)
        _cut(target)


def _cut(connection):
    try:
        connection.shutdown(socket.SHUT_RDWR)
    except OSError:
        pass
    connection.close()


def away_for(storage, before, length):
    """Lets it be for so many seconds, then dead for so many."""
    time.sleep(before)
    storage.down()
    time.sleep(length)
    storage.up()
