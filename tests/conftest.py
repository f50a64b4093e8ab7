"""What every test shares: one thread, no network, the real data."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

# One thread per process: tiny sizes gain nothing from more, and results must not depend on the machine's cores.
# Set before torch or numpy is imported (this file is), so that also the doctests and child processes follow it.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ["HF_HUB_OFFLINE"] = "1"

CHECKOUT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def checkout() -> Path:
    """The top folder of the checkout."""
    return CHECKOUT


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The real clips, detectors and weights: ``$DRIVESIM_TEST_DATA``, or ``../shared/data`` beside the checkout.

    Without it a test skips. In CI with a ``../shared`` the data is meant to be there: its absence is a failure.
    """
    beside = CHECKOUT.parent / "shared"
    data = Path(os.environ.get("DRIVESIM_TEST_DATA", beside / "data"))
    if data.is_dir():
        return data
    reason = f"no real data at {data}: set DRIVESIM_TEST_DATA to a folder that holds it"
    if os.environ.get("CI") == "true" and beside.exists():
        pytest.fail(reason)
    pytest.skip(reason)
