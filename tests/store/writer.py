"""A process of its own that writes until it has written enough, or is killed: ``writer.py URL NAME TIMES``.

Each round hands out one machine with its addresses and VIP, hears of it, and journals an event; then it says so on
standard output, after the store said that it is done.
"""

import sys
from datetime import UTC, datetime

from reconciler.model.actions import Enroll
from reconciler.model.events import Advanced
from reconciler.model.hardware import Hardware
from reconciler.model.history import Phase
from reconciler.model.observations import Heard, Notice
from reconciler.store import Store


def main(url: str, name: str, times: int) -> None:
    network = {"a": 10, "b": 11}[name]
    with Store.open(url) as store:
        for n in range(times):
            serial, at = f"{name}{n}", datetime.now(UTC)
            address = f"{network}.0.{n // 250}.{n % 250 + 1}"
            action = Enroll(
                serial=serial, generation=1, cluster=serial, role="compute", profile="p", location=None,
                hostname=f"{serial}.example.com", number=n, addresses={"mgmt": address},
                vips=(("public", "api", f"{network}.1.{n // 250}.{n % 250 + 1}"),),
            )  # fmt: skip
            store.allocate(action, at)
            seen = Hardware(serial, "Dell Inc.", "PowerEdge R640", 2**38)
            store.record([Heard(serial, at, address, hardware=seen, digest=serial)], [Notice(serial, at, "seen", "")])
            store.append(Advanced(serial, at, Phase.ENROLLED, "it has a name"))
            print(n, flush=True)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
