"""The ``curl`` of a simulated live system: fetches one URL from the server's own address, and from our port.

python -m reconciler.simulator.curl SERVER ADDRESS [OPTION...] URL
"""

import sys
from urllib.parse import urlsplit

from .agent import Agent


def main(arguments: list[str]) -> int:
    """Fetch; the exit status that curl would have."""
    server, address, *_, url = arguments
    wanted = urlsplit(url)
    status = Agent(server, address).request("GET", f"{wanted.path}?{wanted.query}")
    return 7 if status is None else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
