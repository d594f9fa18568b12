"""What texts of files become, and how wrong ones are told."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from merestone.app.exchange.addresses import read_domain
from merestone.app.exchange.mapping import Derived, Mapping, guess_mapping
from merestone.app.exchange.normalise import Normalised, normalise
from merestone.core.model.columns import TABLES


class SmallAtlas:
    """A gazetteer of four countries."""

    def country_lookup(self) -> dict[str, str]:
        return {"us": "US", "united states": "US", "germany": "DE", "de": "DE", "canada": "CA", "ca": "CA",
                "belgium": "BE", "philippines": "PH", "austria": "AT", "australia": "AU"}  # fmt: skip

    def subdivision_lookup(self, country: str) -> dict[str, str]:
        return {
            "US": {"ca": "CA", "california": "CA", "or": "OR", "oregon": "OR", "new york": "NY", "ny": "NY"},
            "DE": {"bayern": "BY", "by": "BY", "bavaria": "BY"},
            "CA": {"on": "ON", "ontario": "ON", "quebec": "QC"},
        }.get(country, {})


def run(table: str, columns: dict[str, list[str | None]], **options: Any) -> Normalised:
    raw = pa.table({name: pa.array(values, pa.string()) for name, values in columns.items()})
    mapping = options.pop("mapping", None) or guess_mapping(raw.column_names, TABLES[table])
    return normalise(raw, mapping, TABLES[table], places=SmallAtlas(), **options)


def accounts(columns: dict[str, list[str | None]], **options: Any) -> Normalised:
    n = len(next(iter(columns.values())))
    return run("accounts", {"name": [f"A{index}" for index in range(n)], **columns}, **options)


def values(result: Normalised, column: str) -> list[Any]:
    return result.table[column].to_pylist()


def errors(result: Normalised) -> list[tuple[int, str, str]]:
    return [(error["row"], error["column"], error["code"]) for error in result.errors.to_pylist()]


def test_text_is_trimmed_composed_and_collapsed() -> None:
    result = run(
        "accounts", {"name": ["  Cafe\u0301 \u00a0 Zu\u0308rich\u200b ", "a\n\tb"], "city": ["", "  "]}
    )
    assert values(result, "name") == ["Café Zürich", "a b"]
    assert values(result, "city") == [None, None]


def test_notes_keep_their_lines() -> None:
    result = run(
        "activities", {"kind": ["call"], "subject": ["x"], "when": ["2026-01-01"], "notes": ["a  b\n\nc "]}
    )
    assert values(result, "notes") == ["a b\n\nc"]


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("12", 12), ("-3.5", -3.5), ("1,234", 1234), ("1,234,567.8", 1234567.8), ("1.234.567", 1234567),
        ("1.234,5", 1234.5), ("1 234,5", 1234.5), ("1'234.5", 1234.5), ("0,5", 0.5), ("1.5k", 1500), ("2m", 2e6),
        ("3 bn", 3e9), ("45%", 0.45), ("(7)", -7), ("1e3", 1000), ("1.234", 1.234), ("N/A", None), ("-", None),
        ("+8", 8), ("5-", -5), ("1,5", 1.5), ("  9 ", 9),
    ],
)  # fmt: skip
def test_numbers_are_read_as_people_write_them(text: str, number: float | None) -> None:
    result = run("reps", {"name": ["Ann"], "home latitude": [None], "score": [text]}, custom={"score": "number"},
                 mapping=Mapping.from_dict({"columns": {"name": "name", "score": "custom.score"}}))  # fmt: skip
    assert values(result, "custom.score") == [number]


@pytest.mark.parametrize("text", ["abc", "1,23,4", "12 34", "1.2.3", "5 apples", "--4", "1,234.567,8"])
def test_what_is_no_number_is_an_error(text: str) -> None:
    assert errors(accounts({"employees": [text]})) == [(2, "employees", "bad-number")]


def test_decimal_commas_of_a_column_decide_its_lone_points() -> None:
    assert values(accounts({"employees": ["1.234", "12,5"]}), "employees") == [1234, 12.5]
    assert values(accounts({"employees": ["1.234", "12.5"]}), "employees") == [1.234, 12.5]


@pytest.mark.parametrize(
    ("text", "amount", "currency"),
    [
        ("$1,234.50", "1234.50", "USD"), ("1.234,50 €", "1234.50", "EUR"), ("USD 5m", "5000000.00", "USD"),
        ("500", "500.00", None), ("£3bn", "3000000000.00", "GBP"), ("5 Mio. EUR", "5000000.00", "EUR"),
        ("CHF 1'200.-", "1200.00", "CHF"), ("five", None, None), ("C$ 7", "7.00", "CAD"), ("1234.567", "1234.57", None), ("2.345e2", "234.50", None),
    ],
)  # fmt: skip
def test_money_is_exact_and_brings_its_currency(text: str, amount: str | None, currency: str | None) -> None:
    result = accounts({"revenue": [text]})
    if amount is None:
        assert errors(result) == [(2, "revenue", "bad-money")]
        return
    assert values(result, "revenue") == [Decimal(amount)]
    assert (values(result, "currency") if "currency" in result.table.column_names else [None]) == [currency]


def test_negative_amounts_are_below_the_minimum() -> None:
    result = accounts({"revenue": ["(500)", "-1", "0"], "employees": ["-5", "5", "0"]})
    assert errors(result) == [
        (2, "employees", "below-minimum"),
        (2, "revenue", "below-minimum"),
        (3, "revenue", "below-minimum"),
    ]
    assert result.rejected_rows.to_pylist() == [2, 3]
    assert values(result, "row") == [4]


def test_currency_beside_an_amount_must_agree_with_the_row() -> None:
    result = accounts({"revenue": ["$5", "€5", "€5", "5"], "currency": ["cad", "USD", None, "EUR"]})
    assert errors(result) == [(3, "revenue", "currency-conflict")]
    assert values(result, "currency") == ["CAD", "EUR", "EUR"]


def test_scale_is_exact() -> None:
    mapping = Mapping.from_dict(
        {"columns": {"name": "name", "revenue": "revenue"}, "scale": {"revenue": 1_000_000}}
    )
    assert values(accounts({"revenue": ["1100.04"]}, mapping=mapping), "revenue") == [
        Decimal("1100040000.00")
    ]


@given(
    st.decimals(min_value=0, max_value=10**13, places=2),
    st.sampled_from([("", "."), (",", "."), (".", ","), (" ", ",")]),
)
def test_any_amount_is_read_back_whatever_its_separators(amount: Decimal, marks: tuple[str, str]) -> None:
    group, point = marks
    text = f"{amount:,.2f}".replace(",", "G").replace(".", point).replace("G", group)
    assert values(accounts({"revenue": [text]}), "revenue") == [amount]


DAY = dt.date(2026, 3, 4)


@pytest.mark.parametrize(
    "text",
    ["2026-03-04", "2026/3/4", "20260304", "4.3.2026", "04.03.26", "4 March 2026", "March 4, 2026", "4-Mar-26",
     "Mar 4th, 2026", "4. März 2026", "4 de marzo de 2026", "2026-03-04T10:15:00Z", "2026-03-04 00:00:00", "46085",
     "Wednesday, March 4, 2026", "4/3/2026"],
)  # fmt: skip
def test_dates_in_the_common_forms(text: str) -> None:
    result = accounts({"customer since": [text]}, date_order="dmy")
    assert values(result, "customer_since") == [DAY], result.errors.to_pylist()


def test_order_of_day_and_month_is_told_by_the_other_dates() -> None:
    assert values(accounts({"customer since": ["3/4/2026", "12/25/2025"]}), "customer_since")[0] == dt.date(
        2026, 3, 4
    )
    assert values(accounts({"customer since": ["4/3/2026", "25/12/2025"]}), "customer_since")[0] == DAY


def test_order_is_shared_between_the_columns_of_a_file() -> None:
    columns: dict[str, list[str | None]] = {"stage": ["won"], "opened": ["4/3/2026"], "closed": ["25/3/2026"]}
    result = run("opportunities", columns)
    assert values(result, "opened_on") == [DAY]
    assert [note.code for note in result.notes] == []


def test_ambiguous_dates_are_noted() -> None:
    result = accounts({"customer since": ["3/4/2026"]})
    assert values(result, "customer_since") == [DAY]
    assert [note.code for note in result.notes] == ["ambiguous-date-order"]


def test_dates_that_do_not_exist_are_errors() -> None:
    result = accounts(
        {"customer since": ["2026-02-30", "2/30/2026", "13/13/2026", "soon", "31.4.2026", "2/29/2024"]}
    )
    assert errors(result) == [
        (2, "customer since", "no-such-date"),
        (3, "customer since", "no-such-date"),
        (4, "customer since", "bad-date"),
        (5, "customer since", "bad-date"),
        (6, "customer since", "no-such-date"),
    ]


@given(
    st.dates(dt.date(1950, 1, 1), dt.date(2100, 1, 1)),
    st.sampled_from(["%Y-%m-%d", "%d.%m.%Y", "%B %d, %Y", "%d %b %Y", "%Y%m%d"]),
)
def test_any_day_is_read_back_in_any_unambiguous_form(day: dt.date, form: str) -> None:
    assert values(accounts({"customer since": [day.strftime(form)]}), "customer_since") == [day]


def test_instants_are_utc() -> None:
    texts: list[str | None] = [
        "2026-03-04T10:15:00+02:00",
        "3/4/2026 1:05 PM",
        "2026-03-04",
        "2026-03-04 10:15:07.250Z",
        "3/25/2026 25:00",
    ]
    result = run("leads", {"name": ["a", "b", "c", "d", "e"], "created": texts})
    assert values(result, "received_at") == [
        dt.datetime(2026, 3, 4, 8, 15, tzinfo=dt.UTC),
        dt.datetime(2026, 3, 4, 13, 5, tzinfo=dt.UTC),
        dt.datetime(2026, 3, 4, tzinfo=dt.UTC),
        dt.datetime(2026, 3, 4, 10, 15, 7, 250_000, tzinfo=dt.UTC),
    ]
    assert errors(result) == [(6, "created", "no-such-date")]


def test_booleans_and_lists() -> None:
    result = run(
        "contacts",
        {"account": ["A"] * 4, "last name": ["x"] * 4, "decision maker": ["Yes", "0", "", "maybe"]},
    )
    assert values(result, "is_decision_maker") == [True, False, None]
    assert errors(result) == [(5, "decision maker", "bad-boolean")]
    result = accounts({"products": ["a; b ;;c", None, "x\\;y;z\\\\"]})
    assert values(result, "products_of_interest") == [["a", "b", "c"], None, ["x;y", "z\\"]]


def test_countries_and_states_become_iso_codes() -> None:
    result = accounts(
        {
            "country": ["United States", "us", "Germany", "Belgium", "USA", "Philipines", None],
            "state": ["California", "or", "Bayern", "Vlaanderen", "US-NY", None, "Oregon"],
        }
    )
    assert errors(result) == []
    assert values(result, "country") == ["US", "US", "DE", "BE", "US", "PH", None]
    assert values(result, "state") == ["CA", "OR", "BY", "Vlaanderen", "NY", None, "OR"]
    assert [warning["code"] for warning in result.warnings.to_pylist()] == ["country-corrected"]
    assert [note.code for note in result.notes] == ["states-kept"]


def test_unknown_places_are_errors_with_the_nearest_name() -> None:
    result = accounts(
        {"country": ["Austrlia", "US", "Canada", "Atlantis"], "state": [None, "Californa", "Xanadu", None]}
    )
    found = result.errors.to_pylist()
    assert [(error["row"], error["code"]) for error in found] == [
        (3, "unknown-state"),
        (4, "unknown-state"),
        (5, "unknown-country"),
    ]
    assert "California" in found[0]["fix"]
    assert found[0]["value"] == "Californa"


def test_postal_codes_take_their_countrys_form() -> None:
    codes: list[str | None] = [
        "2134",
        "94107-1234",
        "941071234",
        "501",
        "k1a0b1",
        "1067",
        "-97818",
        "48895-97ND",
        "what",
    ]
    countries: list[str | None] = ["US", "US", "US", "US", "CA", "DE", "US", "US", "US"]
    result = accounts({"zip": codes, "country": countries})
    assert values(result, "postal_code") == [
        "02134",
        "94107",
        "94107",
        "00501",
        "K1A 0B1",
        "01067",
        "97818",
        "48895",
        "WHAT",
    ]
    assert [note.code for note in result.notes] == ["odd-postal-codes"]


def test_web_addresses_become_domains() -> None:
    texts: list[str | None] = [
        "https://www.Acme.com/x?y",
        "acme.co.uk",
        "http://tbd",
        "N/A",
        "a b",
        "https://müller.de:8080",
    ]
    result = accounts({"website": texts})
    assert values(result, "domain") == ["acme.com", "acme.co.uk", None, None, None, "müller.de"]
    assert [warning["row"] for warning in result.warnings.to_pylist()] == [4, 6]


@given(
    st.lists(
        st.sampled_from(
            [
                "https://",
                "http://",
                "www.",
                "a",
                "Z9",
                "-",
                ".",
                "com",
                "de",
                "/",
                "x y",
                ":80",
                "@",
                "?q",
                "_",
            ]
        ),
        min_size=1,
        max_size=8,
    ).map("".join)
)
def test_plain_and_odd_web_addresses_are_read_alike(text: str) -> None:
    assert values(accounts({"website": [text]}), "domain") == [read_domain(" ".join(text.split())).value]


def test_mail_addresses_are_checked_and_phones_only_doubted() -> None:
    result = run(
        "contacts",
        {"account": ["A"] * 3, "last name": ["x"] * 3, "email": ["Ann <Ann@Acme.COM>", "ann(at)acme", None], "phone": ["+1 (555) 010-9999", None, "call me"]},
    )  # fmt: skip
    assert errors(result) == [(3, "email", "bad-email")]
    assert values(result, "email") == ["Ann@acme.com", None]
    assert [warning["code"] for warning in result.warnings.to_pylist()] == ["odd-phone"]


def test_choices_are_read_by_value_label_and_synonym() -> None:
    result = run(
        "opportunities", {"stage": ["Won", "closed won", "Engaging", "Closed Lost", "PROPOSAL", "Prospectng"]}
    )
    assert values(result, "stage") == ["won", "won", "qualification", "lost", "proposal"]
    [error] = result.errors.to_pylist()
    assert error["code"] == "unknown-choice"
    assert "'prospecting'" in error["fix"]
    assert values(
        run("opportunities", {"stage": ["won"], "category": ["Best case"]}), "forecast_category"
    ) == ["best_case"]


def test_mapped_words_constants_and_derived_columns_apply() -> None:
    mapping = Mapping(
        "accounts",
        guess_mapping(["name", "type", "country"], TABLES["accounts"])
        .with_target("type", "industry")
        .columns,
        constants={"country": "US"},
        values={"industry": {"Technolgy": "technology"}},
        derived={"lifecycle": Derived("type", {"closed": "inactive"}, "prospect")},
    )
    result = run(
        "accounts",
        {"name": ["a", "b"], "type": ["technolgy", "Closed"], "country": [None, "de"]},
        mapping=mapping,
    )
    assert values(result, "industry") == ["technology", "Closed"]
    assert values(result, "lifecycle") == ["prospect", "inactive"]
    assert values(result, "country") == ["US", "DE"]


def test_all_errors_of_all_rows_come_at_once_in_order() -> None:
    result = run(
        "accounts",
        {
            "name": [None, "b", "c" * 301, "nul\x00l"],
            "employees": ["x", "-1", "3", "4"],
            "founded": ["99", "3000", "2000", "2001"],
        },
    )
    assert errors(result) == [
        (2, "name", "missing-value"),
        (2, "employees", "bad-number"),
        (2, "founded", "below-minimum"),
        (3, "employees", "below-minimum"),
        (3, "founded", "above-maximum"),
        (4, "name", "too-long"),
        (5, "name", "control-character"),
    ]
    assert result.table.num_rows == 0
    assert result.n_rows == 4


def test_row_numbers_of_the_file_are_kept() -> None:
    class Raw:
        table = pa.table({"name": ["a", None, "c"]})
        row_numbers = pa.chunked_array([[4, 7, 9]], pa.int64())

    result = normalise(
        Raw(), guess_mapping(["name"], TABLES["accounts"]), TABLES["accounts"], places=SmallAtlas()
    )
    assert values(result, "row") == [4, 9]
    assert result.rejected_rows.to_pylist() == [7]


def test_types_are_those_of_the_contract_even_without_rows() -> None:
    names = list(TABLES["accounts"].names)
    result = run("accounts", {name: [] for name in names})
    assert result.table.column_names == ["row", *names]
    assert result.table.schema.field("revenue").type == pa.decimal128(18, 2)
    assert result.table.schema.field("products_of_interest").type == pa.list_(pa.string())
    assert result.table.schema.field("customer_since").type == pa.date32()


def test_doubtful_units_and_spellings_are_noted() -> None:
    result = accounts(
        {"revenue": ["1100.04", "300"], "employees": ["2822", "900"], "industry": ["technolgy", "retail"]}
    )
    assert [note.code for note in result.notes] == ["odd-scale", "odd-spelling"]
