"""An invented agency is an agency folder like any other: `check` has nothing against it."""

import pytest

from antiphon.records import check_agency, read_agency
from antiphon.synthetic import write_maple_house, write_network


@pytest.fixture(scope="module")
def maple_house(tmp_path_factory):
    return check_agency(write_maple_house(tmp_path_factory.mktemp("records") / "maple-house"))


@pytest.fixture(scope="module")
def network(tmp_path_factory):
    return check_agency(write_network(tmp_path_factory.mktemp("records") / "network", n_organisations=5))


@pytest.mark.parametrize("name", ["maple_house", "network"])
def test_every_row_is_used(name, request):
    grades = {problem.grade for problem in request.getfixturevalue(name).problems}
    assert grades <= {"warning"}


def test_maple_house_warns_at_most_of_the_hour_that_autumn_shows_twice(maple_house):
    assert {problem.rule for problem in maple_house.problems} <= {"time_exists_twice"}


def test_the_records_know_shifts_days_and_minutes_apart(maple_house):
    found = {(row[0], row[1]) for row in maple_house.agency.events.select("kind", "precision").unique().iter_rows()}
    assert {("absence_unscheduled", "shift"), ("resignation", "day"), ("discharge", "minute")} <= found


def test_the_window_is_two_local_years(maple_house):
    start, end = maple_house.agency.window
    assert (end - start).days == 731


def test_a_network_mixes_precisions_in_one_kind(network):
    elopements = network.agency.events.filter(network.agency.events["kind"] == "elopement")
    assert set(elopements["precision"].unique()) == {"day", "minute"}


def test_the_truth_is_no_part_of_what_is_read(tmp_path):
    folder = write_network(tmp_path / "network", n_organisations=1, days=90)
    before = read_agency(folder).content_hash
    (tmp_path / "network.truth.json").write_text("{}")
    assert read_agency(folder).content_hash == before
