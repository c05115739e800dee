"""`frontdesk bench crash`: see tests/crash/storm.py."""

import sys

from tests.crash.storm import main

if __name__ == "__main__":
    sys.exit(main())
