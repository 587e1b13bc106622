"""Best reference files: CRDS names them, and this brings them and checks that each can be used."""

from hstdputils.references.access import BestReferences, Crds
from hstdputils.references.settings import SERVERLESS, CrdsSettings, crds_settings

__all__ = ["SERVERLESS", "BestReferences", "Crds", "CrdsSettings", "crds_settings"]
