"""Import CRDS, so that it works from its cache alone."""

import functools
import gc
import logging
import os
from types import ModuleType

from hstdputils.references.settings import SERVERLESS, URI_VARIABLES, crds_settings

_NOT_FOR_CRDS = (*URI_VARIABLES.values(), "CRDS_PICKLE_URI", "CRDS_S3_ENABLED", "CRDS_S3_RETURN_URI")
"""Variables with which CRDS would read from S3 by itself, through the program ``aws``."""


@functools.cache
def load_crds() -> ModuleType:
    """Import CRDS, once; it takes most of the fixed time of a dataset.

    CRDS never asks a server nor downloads a file: its own downloads leave short files in the cache and give up at the
    first error. What is missing comes from `Origin`.
    """
    settings = crds_settings()
    for name in _NOT_FOR_CRDS:
        os.environ.pop(name, None)
    os.environ.setdefault("CRDS_OBSERVATORY", "hst")
    os.environ.setdefault("CRDS_CLIENT_TIMEOUT_SECONDS", "120")
    os.environ["CRDS_SERVER_URL"] = SERVERLESS
    os.environ["CRDS_PATH"] = str(settings.cache)
    if not settings.is_growing:
        os.environ["CRDS_READONLY_CACHE"] = "1"
    gc.disable()
    import crds
    import crds.client.proxy
    import crds.core.heavy_client
    import crds.core.log

    # CRDS collects garbage after every dataset: seven times 45 ms over the objects of its own import.
    gc.freeze()
    gc.enable()
    crds.core.log.remove_console_handler()
    logging.getLogger("CRDS").addHandler(logging.NullHandler())
    return crds
