"""Ten thousand random requests: none is an InternalError, none changes anything, and the server lives on."""

import json
import string
import time

import pytest
from support.life import creation

ROUNDS = 10_000
BUDGET = 60.0  # seconds

READS = ["DescribeEtcdInstances", "DescribeEtcdTasks", "DescribeRPCMethodList", "DescribeEtcdCredentials", "DescribeEtcdQuota"]
CHANGES = ["CreateEtcdInstance", "ModifyEtcdAttribute", "DeleteEtcdInstance", "EnableEtcdInstanceDeletionProtection",
           "ResizeEtcdInstance", "UpgradeEtcdInstance", "ModifyEtcdConfiguration", "CreateEtcdSnapshotPolicy"]
WORDS = ["", "0", "-1", "true", "etcd-abcd1234", "../..", "\0", "\u202e", "名", "vpc-id", "a" * 300, "1e999", "null", "{}", "%00", "' OR 1=1 --"]


def base_bodies():
    """Nearly right requests to spoil. The VPC is unknown, so that none of them can create anything."""
    settings = {"SecuritySettings": {"Https": True, "ClientCertAuth": True}, "CustomIPs": "10.0.0.1", "CustomDomains": "a.b",
                "AutoCompactionSettings": {"AutoCompactionMode": "periodic", "AutoCompactionRetention": "5m"},
                "BackupSettings": {"BackupInterval": 3600, "MaxBackupCount": 5}}
    return [
        {**creation("v3.5.16", 3, AdvancedSettings=settings, DiskSize=10), "VpcId": "vpc-00000000"},
        {"InstanceIds": ["etcd-abcd1234"], "Offset": 0, "Limit": 20},
        {"Filters": [{"Name": "vpc-id", "Values": ["vpc-abcd1234"]}]},
        {"InstanceId": "etcd-abcd1234", "Name": "n", "Size": 3, "PodName": "etcd-abcd1234-etcd-0"},
    ]


def any_value(chance, depth=0):
    kind = chance.randrange(9 if depth < 4 else 6)
    if kind == 0:
        return None
    if kind == 1:
        return chance.random() < 0.5
    if kind == 2:
        return chance.choice([0, 1, 3, -1, 2**31, 2**63, 2**64, -(2**63), chance.randrange(-1000, 1000)])
    if kind == 3:
        return chance.choice([0.5, -0.0, 1e308, 3.0, chance.uniform(-10, 10)])
    if kind in (4, 5):
        return chance.choice(WORDS) if kind == 4 else "".join(chance.choice(string.printable) for _ in range(chance.randrange(12)))
    if kind == 6:
        return [any_value(chance, depth + 1) for _ in range(chance.randrange(4))]
    return {chance.choice(["Name", "Values", "Size", "0", "", "Https", "X" * chance.randrange(1, 9)]): any_value(chance, depth + 1)
            for _ in range(chance.randrange(4))}


def spoil(chance, body):
    """Changes one place somewhere in the body."""
    place = body
    while True:
        keys = list(place) if isinstance(place, dict) else list(range(len(place)))
        if not keys:
            return
        key = chance.choice(keys)
        if isinstance(place[key], (dict, list)) and place[key] and chance.random() < 0.6:
            place = place[key]
            continue
        if isinstance(place, dict) and chance.random() < 0.3:
            place.pop(key) if chance.random() < 0.5 else place.update({chance.choice(WORDS): any_value(chance)})
        elif key != "VpcId":
            place[key] = any_value(chance)
        return


def any_body(chance):
    kind = chance.randrange(10)
    if kind == 0:
        return chance.randbytes(chance.randrange(200))
    if kind == 1:
        return json.dumps(any_value(chance)).encode()
    body = chance.choice(base_bodies())
    for _ in range(chance.randrange(1, 4)):
        spoil(chance, body)
    text = json.dumps(body).encode()
    if kind == 2:  # cut off, or with bytes exchanged
        place = chance.randrange(len(text))
        return text[:place] if chance.random() < 0.5 else text[:place] + chance.randbytes(3) + text[place + 3:]
    return text


@pytest.mark.alone
def test_ten_thousand_random_bodies_never_give_an_internal_error(patient_server, chance):
    raw = patient_server.raw()
    begun, codes = time.monotonic(), {}
    for _ in range(ROUNDS):
        action, body = chance.choice(READS + CHANGES), any_body(chance)
        answer = raw.call(action, body=body)
        code = answer.code
        codes[code] = codes.get(code, 0) + 1
        assert answer.status == 200 and answer.response["RequestId"], (action, body)
        assert not (code or "").startswith("InternalError"), (action, body, answer.error)
    took = time.monotonic() - begun
    print(f"{ROUNDS} random bodies in {took:.1f} s: {codes}")
    assert took < BUDGET
    assert len(codes) >= 5, f"so few codes show that the bodies do not reach far: {codes}"
    assert raw.call("DescribeEtcdInstances").response["TotalCount"] == 0
    raw.close()
    assert patient_server.running() and "panicked" not in patient_server.log.read_text(errors="replace")
