"""Great-circle distances."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.geo import distance_km

LAT = st.floats(-90, 90)
LON = st.floats(-180, 180)


@pytest.mark.parametrize(
    ("a", "b", "km"),
    [
        ((35.8142, 36.3198), (55.7522, 37.6156), 2219),  # Jisr ash-Shughur to Moscow
        ((0, 0), (0, 180), 20015),
        ((90, 0), (-90, 0), 20015),
        ((10, 179.9), (10, -179.9), 22),  # across the date line
    ],
)
def test_known_distances(a: tuple[float, float], b: tuple[float, float], km: float) -> None:
    assert distance_km(*a, *b) == pytest.approx(km, rel=0.01)


@given(LAT, LON, LAT, LON)
def test_distance_is_symmetric_and_never_beyond_half_the_globe(
    lat1: float, lon1: float, lat2: float, lon2: float
) -> None:
    there = distance_km(lat1, lon1, lat2, lon2)
    assert 0 <= there <= 20016
    assert there == pytest.approx(distance_km(lat2, lon2, lat1, lon1))
