"""Small made-up COS exposures, reference files and a CRDS cache, for the demo and the tests."""

from .acquisitions import write_acq_image, write_acq_peakxd
from .associations import write_association
from .cos_references import write_references
from .crds_cache import ABSENT_REFERENCE_CONTEXT, BAD_REFERENCE_CONTEXT, CONTEXT, write_crds_cache
from .demo import DEMO_DATASETS, TEST_DATASETS, dataset_folder, write_demo, write_inputs
from .timetag import write_fuv_timetag, write_nuv_timetag

__all__ = [
    "ABSENT_REFERENCE_CONTEXT",
    "BAD_REFERENCE_CONTEXT",
    "CONTEXT",
    "DEMO_DATASETS",
    "TEST_DATASETS",
    "dataset_folder",
    "write_acq_image",
    "write_acq_peakxd",
    "write_association",
    "write_crds_cache",
    "write_demo",
    "write_fuv_timetag",
    "write_inputs",
    "write_nuv_timetag",
    "write_references",
]
