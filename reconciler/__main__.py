"""``python -m reconciler`` and the ``reconciler`` command."""

import gc
import sys


def main() -> None:
    """Run the command line; usage errors exit 64 (EX_USAGE), so that CI can tell them from findings."""
    from .cli.app import run

    # Most commands end before there is garbage to collect, and a look at a large fleet would be searched for it again
    # and again: a quarter of the time that "enc" takes. Commands that stay turn it on.
    gc.disable()
    sys.exit(run(sys.argv[1:]))


if __name__ == "__main__":
    main()
