# SPDX-License-Identifier: ISC
"""Programs of 040_modes_test.sh."""

from service import *


def head(*_):
    unknown = "/digest/" + 40 * "0"
    targets = [SERVICE + t for t in (
        "/single/yum/a.rpm", "/simple/yum/a.rpm", "/single/yum/*.rpm",
        "/single/yum/none", unknown, "/nullfile/500_0", "/nullfile/x")]
    targets.append("/yum/a.rpm")
    for target in targets:
        with Connection() as c:
            c.send(request(target, "HEAD") + request(target))
            head = c.answer("HEAD")
            if head.field("Connection") != "close":
                get = c.answer()
            else:
                assert c.rest() == b"", target
                get = Connection().ask(target)
            assert head.status == get.status, target
            for a in head, get:
                for changing in "date", "expires":
                    a.fields.pop(changing, None)
            assert head.fields == get.fields, (head, get)
            assert get.body or target.endswith(unknown), target


run(globals())
