from __future__ import annotations

import fcntl
import gc
import hashlib
import os
import shutil
import signal
from importlib import metadata
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import settings

from builder.framework import settle_worker
from models import manifest, preprocessing
from models.bundle import Bundle, open_bundle
from models.signing import sign
from models.signing_key import generate_key, load_private_key
from models.trust import TrustStore
from tests import tiny_bundle
from tests.fuzzing import CASES, PROFILE

# A busy machine is no defect.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")
settings.register_profile(PROFILE, deadline=None, max_examples=CASES)


def pytest_configure() -> None:
    """Settle this process and those that it starts."""
    # A shell's background job ignores Ctrl-C, and so would every process that a test starts and interrupts.
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    # Beside others that test, TensorFlow's threads would only wait for one another.
    if "PYTEST_XDIST_WORKER" in os.environ:
        settle_worker(threads=1)
    # TensorFlow makes graphs of many objects; to look for rubbish after every 700 of them takes a tenth of its time.
    gc.set_threshold(50_000, 20, 50)


@pytest.fixture(scope="session")
def key_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the key pair of the tests: ``private.pem`` and ``public.pem``."""
    folder = tmp_path_factory.mktemp("keys")
    generate_key(folder / "private.pem", folder / "public.pem")
    return folder


@pytest.fixture(scope="session")
def signing_key(key_folder: Path) -> ec.EllipticCurvePrivateKey:
    return load_private_key(key_folder / "private.pem")


@pytest.fixture(scope="session")
def trust(key_folder: Path) -> TrustStore:
    """Trusts the tests' key."""
    return TrustStore.load([key_folder / "public.pem"])


@pytest.fixture(scope="session")
def tiny_bundle_directory(
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
    signing_key: ec.EllipticCurvePrivateKey,
) -> Path:
    """A signed bundle directory with tiny real artifacts; read only, copy it before changing anything.

    Converting takes TensorFlow some ten seconds, so the files are kept in pytest's cache for as long as their maker,
    the contract and TensorFlow stay the same; each session signs its own copy.
    """
    contract = (tiny_bundle.__file__, manifest.__file__, preprocessing.__file__)
    source = b"".join(Path(file).read_bytes() for file in contract) + metadata.version("tensorflow").encode()
    kept = request.config.cache.mkdir("tiny-bundle")
    made = kept / hashlib.sha256(source).hexdigest()[:16]
    # Of processes that test side by side one makes it, and the others wait.
    with (kept / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (made / "signature").is_file():
            shutil.rmtree(made, ignore_errors=True)
            tiny_bundle.make_tiny_bundle(made, signing_key)
    directory = tmp_path_factory.mktemp("bundle") / "tiny"
    shutil.copytree(made, directory)
    sign(directory, signing_key)
    return directory


@pytest.fixture(scope="session")
def tiny(tiny_bundle_directory: Path, trust: TrustStore) -> Bundle:
    """The tiny bundle, opened."""
    return open_bundle(tiny_bundle_directory, trust)


@pytest.fixture
def bundle_copy(tiny_bundle_directory: Path, tmp_path: Path) -> Path:
    """A copy of the tiny bundle's directory that a test may change."""
    return Path(shutil.copytree(tiny_bundle_directory, tmp_path / "copy"))
