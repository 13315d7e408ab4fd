"""How many threads a network is worth."""

import pytest
import torch

from sparring.engine.threads import TINY, threads_for


@pytest.mark.parametrize(("places", "expected"), [(64, 1), (TINY, 1), (TINY + 1, 3), (64 * 64, 3)])
def test_tiny_pictures_take_one_thread_and_give_the_others_back(places: int, expected: int) -> None:
    before = torch.get_num_threads()
    torch.set_num_threads(3)
    try:
        with threads_for(places):
            assert torch.get_num_threads() == expected
        assert torch.get_num_threads() == 3
        with pytest.raises(RuntimeError), threads_for(places):
            raise RuntimeError
        assert torch.get_num_threads() == 3
    finally:
        torch.set_num_threads(before)
