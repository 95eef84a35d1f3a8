# SPDX-License-Identifier: ISC
"""For 175_metrics_test.sh: PORT FUNCTION METRICS-PORT."""
import socket
import sys
import time

SLOTS = 4           # METRICS_SLOTS
CONNS = 8           # METRICS_CONNS
REQUEST = b"GET /metrics HTTP/1.1\r\nHost: mirror\r\n\r\n"


def connect(port):
    s = socket.create_connection(("127.0.0.1", port), timeout=20)
    return s


def status(s):
    s.sendall(REQUEST)
    head = b""
    while b"\r\n" not in head:
        data = s.recv(65536)
        if not data:
            return 0
        head += data
    return int(head.split()[1])


def closed(s):
    try:
        while s.recv(65536):
            pass
    except ConnectionResetError:
        pass
    return True


def is_served(port):
    s = connect(port)
    try:
        return status(s) == 200
    except OSError:
        return False
    finally:
        s.close()


def limit(port, metrics):
    metrics = int(metrics)
    held = [connect(port), connect(port)]
    # The first is served; the second is told that there is no room.
    assert b" 503 " in held[1].recv(4096)
    scrapers = [connect(metrics) for i in range(SLOTS)]
    assert [status(s) for s in scrapers] == [200] * SLOTS
    # Those over the limit are told so, and do not get through.
    late = connect(metrics)
    assert b" 503 " in late.recv(4096)
    late.close()
    refused = [connect(metrics) for i in range(CONNS)]
    assert all(closed(s) for s in refused)
    for s in scrapers + refused:
        s.close()
    # Then there is room again.
    end = time.monotonic() + 20
    while not is_served(metrics):
        assert time.monotonic() < end, "no room again"
        time.sleep(0.1)


def head(port, metrics):
    """A HEAD has no body: the next answer follows at once."""
    s = connect(int(metrics))
    s.sendall(REQUEST.replace(b"GET", b"HEAD") + REQUEST)
    answer = b""
    while answer.count(b"\r\n\r\n") < 2:
        answer += s.recv(65536)
    first, second = answer.split(b"\r\n\r\n")[:2]
    assert first.startswith(b"HTTP/1.1 200"), first
    assert second.startswith(b"HTTP/1.1 200"), second


if __name__ == "__main__":
    globals()[sys.argv[2]](int(sys.argv[1]), *sys.argv[3:])
