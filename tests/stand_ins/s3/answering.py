"""Whether a server that has just been started answers yet, whatever it says."""

import urllib.error
import urllib.request


def is_answering(url: str) -> bool:
    """Tell whether a server answers a request, be it by refusing it."""
    try:
        with urllib.request.urlopen(url, timeout=5):
            return True
    except urllib.error.HTTPError:
        return True
    except OSError:
        return False
