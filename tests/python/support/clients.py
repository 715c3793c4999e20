"""The official clients behind one face: `call(action, params)` gives the response or raises ApiError."""

import json
import re
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

from tencentcloud.cetcd.v20220325 import cetcd_client, models
from tencentcloud.common import credential
from tencentcloud.common.exception.tencent_cloud_sdk_exception import TencentCloudSDKException
from tencentcloud.common.profile.client_profile import ClientProfile
from tencentcloud.common.profile.http_profile import HttpProfile

from .raw import REGION, VERSION


class ApiError(Exception):
    def __init__(self, code, message):
        super().__init__(f"{code}: {message}")
        self.code = code


@contextmanager
def _translated():
    try:
        yield
    except TencentCloudSDKException as refused:
        raise ApiError(refused.code, refused.message) from None


class Sdk:
    """The Python SDK: typed requests and answers for the document's actions, its raw call for ours."""

    def __init__(self, server, sign_method="TC3-HMAC-SHA256", http_method="POST", region=REGION):
        mine = server.credentials()
        pair = credential.Credential(mine["TENCENTCLOUD_SECRET_ID"], mine["TENCENTCLOUD_SECRET_KEY"])
        http = HttpProfile(protocol="http", endpoint=server.host, reqMethod=http_method)
        self.client = cetcd_client.CetcdClient(pair, region, ClientProfile(signMethod=sign_method, httpProfile=http))
        assert self.client._apiVersion == VERSION

    def call(self, action, params=None):
        request = getattr(models, f"{action}Request")()
        request.from_json_string(json.dumps(params or {}))
        with _translated():
            return json.loads(getattr(self.client, action)(request).to_json_string())

    def extension(self, action, params):
        """An action that the document lacks."""
        with _translated():
            return json.loads(self.client.call(action, params))["Response"]


class Tccli:
    """The cloud's command line. It knows the document's actions only: ours go through the SDK."""

    program = str(Path(sys.executable).parent / "tccli")

    def __init__(self, server):
        self.server = server
        self.sdk = Sdk(server)

    def call(self, action, params=None):
        command = [self.program, "cetcd", action, "--endpoint", self.server.url]
        for name, value in (params or {}).items():
            command += [f"--{name}", value if isinstance(value, str) else json.dumps(value)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False,
                              env=self.server.client_environment())
        if done.returncode == 0:
            return json.loads(done.stdout)
        refused = re.search(r"code:(\S+) message:(.*?)(?: requestId:|$)", done.stderr + done.stdout, re.DOTALL)
        assert refused, f"tccli ended with {done.returncode}: {done.stderr}{done.stdout}"
        raise ApiError(refused[1], refused[2])

    def extension(self, action, params):
        return self.sdk.extension(action, params)
