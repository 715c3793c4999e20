"""An S3 server on a free port of loopback, which it prints. Ends when its standard input does."""

import os
import sys
import threading

from moto.server import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import make_server


def end_with_input() -> None:
    sys.stdin.read()
    os._exit(0)


server = make_server("127.0.0.1", 0, DomainDispatcherApplication(create_backend_app), threaded=True)
print(server.port, flush=True)
threading.Thread(target=end_with_input, daemon=True).start()
server.serve_forever()
