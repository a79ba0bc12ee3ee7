"""Which Ray a process joins."""

import pytest

from cluster.connect import connected


@pytest.mark.usefixtures("private_ray")
@pytest.mark.parametrize("address", ["10.0.0.1:6379", "localhost:1"])
def test_a_process_that_has_joined_one_ray_joins_no_other(address: str) -> None:
    with (
        pytest.raises(ConnectionError, match=rf"--address {address} cannot be joined: this proc"),
        connected(address),
    ):
        pass


@pytest.mark.usefixtures("private_ray")
def test_the_ray_that_was_joined_may_be_named() -> None:
    import ray

    joined = ray.get_runtime_context().gcs_address
    for address in (None, "auto", joined, f"localhost:{joined.rpartition(':')[2]}"):
        with connected(address):
            assert ray.is_initialized()
        assert ray.is_initialized()
