"""What the tests say at their end."""

from tests.conftest import mode_lines


def test_a_table_of_ways_of_taking_data_with_its_columns_under_each_other():
    row = {"memory_mib": 1152, "max_seconds": 5400}
    long = "STIS/CCD G430L CR-SPLIT, its wavecal without any data"
    modes = [
        {"name": "ACS/HRC", "programs": ("calacs.e", "runastrodriz"), "row": row, "used": {"MiB": 1024, "s": 8.25}},
        {"name": long, "programs": ("cs0.e",), "row": row, "used": {"MiB": 97, "s": 0.5}},
    ]
    head, first, second = mode_lines(modes)
    assert first.split() == ["ACS/HRC", "1,024", "1,152", "8.2", "5,400", "calacs.e,", "runastrodriz"]
    assert second.startswith(f"{long} ")
    assert head.index("programs", 14) == first.index("calacs.e") == second.index("cs0.e")
    assert mode_lines([]) == []
