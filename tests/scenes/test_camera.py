from __future__ import annotations

import numpy as np
import pytest

from scenes.camera import mount
from scenes.spec import Place


@pytest.mark.parametrize("place", ["yard", "corridor"])
@pytest.mark.parametrize("seed", range(5))
def test_a_point_on_a_pixels_ray_projects_to_that_pixel(place: Place, seed: int) -> None:
    camera, _ = mount(place, 64, 36, np.random.default_rng(seed))
    rays = camera.rays()
    eye = np.array([0.0, 0.0, camera.height_m])
    for row, column in ((0, 0), (35, 63), (10, 40)):
        pixel, depth = camera.project(eye + rays[row, column] * 7.5)
        assert pixel == pytest.approx([column + 0.5, row + 0.5])
        assert depth == pytest.approx(7.5)


@pytest.mark.parametrize("place", ["yard", "corridor"])
@pytest.mark.parametrize("seed", range(30))
def test_the_middle_of_the_area_is_in_the_picture_and_people_large_enough_when_a_camera_is_mounted(
    place: Place, seed: int
) -> None:
    camera, area = mount(place, 640, 360, np.random.default_rng(seed))
    x, y = (area.left + area.right) / 2, area.near * 0.7 + area.far * 0.3
    pixels, _ = camera.project(np.array([[x, y, 0.0], [x, y, 1.75]]))
    assert (pixels >= [0, -0.1 * 360]).all()
    assert (pixels <= [640, 360]).all()
    assert 0.2 * 360 < pixels[0, 1] - pixels[1, 1] < 360
