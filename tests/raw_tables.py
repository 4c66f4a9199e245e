"""Small tables that imitate real ones in what makes them hard: written by these functions, never copied."""

# ruff: noqa: RUF001

import bz2
import csv
import gzip
import json
import math
from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from io import StringIO
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from pyarrow import orc

ROWS = 60
Rows = Sequence[Mapping[str, Any]]


def csv_text(rows: Rows, delimiter: str = ",", end: str = "\n") -> str:
    text = StringIO(newline="")
    writer = csv.DictWriter(text, list(rows[0]), delimiter=delimiter, lineterminator=end)
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def spread(number: int, low: int, high: int) -> int:
    """Whole numbers from low to high in no order, with repetitions."""
    return low + (number * 7919 + number * number * 31) % (high - low + 1)


def mall(folder: Path) -> Path:
    rows = [
        {
            "CustomerID": f"{i:04}",
            "Genre": ("Female", "Male")[i % 5 > 2],
            "Age": spread(i, 18, 70),
            "Annual Income (k$)": spread(i, 15, 137),
            "Spending Score (1-100)": spread(i + 3, 1, 99),
        }
        for i in range(1, ROWS + 1)
    ]
    return written(folder / "Mall.csv", csv_text(rows).encode())


def telco(folder: Path) -> Path:
    rows = [
        {
            "customerID": f"{spread(i, 1000, 9999)}-{chr(65 + i % 26)}XY{i}",
            "SeniorCitizen": int(i % 6 == 0),
            "tenure": spread(i, 0, 72),
            "Contract": ("Month-to-month", "One year", "Two year")[i % 3],
            "MonthlyCharges": 18.25 + spread(i, 0, 99) * 1.05,
            "TotalCharges": " " if i % 20 == 0 else f"{spread(i, 20, 8600)}.5",
            "Churn": ("No", "Yes")[i % 4 == 0],
        }
        for i in range(ROWS)
    ]
    return written(folder / "telco.csv", csv_text(rows, end="\r\n").encode())


def german(folder: Path) -> Path:
    rows = [
        {
            "Kundennummer": f"K{i:05}",
            "Größe (cm)": f"{spread(i, 150, 199)},{i % 10}",
            "Umsatz": f"{spread(i, 1, 9)}.{spread(i, 100, 999)},{spread(i, 10, 99)} €",
            "Bestellwert": f"{spread(i, 1, 9)},{spread(i, 100, 999)}",
            "Straße": ("Hauptstraße", "Königsallee", "Am Markt")[i % 3],
        }
        for i in range(ROWS)
    ]
    return written(folder / "kunden.csv", csv_text(rows, ";", "\r\n").encode("utf-8-sig"))


def marketing(folder: Path) -> Path:
    levels = ("Graduation", "PhD", "Master", "Basic", "2n Cycle")
    start = date(2012, 7, 30)
    rows = []
    for i in range(300):
        row: dict[str, Any] = {
            "ID": spread(i, 0, 9) * 1000 + i,
            "Year_Birth": 1893 if i == 7 else spread(i, 1945, 1990),
            "Education": levels[i % 5],
            "Marital_Status": ("Married", "Together", "Single", "Divorced")[i % 4],
            "Income": "" if i % 50 == 0 else 666666 if i == 9 else spread(i, 1730, 162397),
            "Kidhome": i % 3,
            "Dt_Customer": (start + timedelta(days=spread(i, 0, 690))).strftime("%d-%m-%Y"),
            "Recency": spread(i, 0, 99),
        }
        row |= {f"Mnt{name}": spread(i * (n + 2), 0, 900) for n, name in enumerate(("Wines", "Fruits", "Meat", "Gold"))}
        row |= {f"Num{name}": spread(i * (n + 3), 0, 12) for n, name in enumerate(("Deals", "Web", "Catalog", "Store"))}
        row |= {f"AcceptedCmp{n}": int(i % (5 + n) == 0) for n in range(1, 11)}
        row |= {"Z_CostContact": 3, "Z_Revenue": 11, "Response": int(i % 7 == 0)}
        rows.append(row)
    return written(folder / "campaign.csv", csv_text(rows, "\t").encode())


def skewed(folder: Path) -> Path:
    rows = [
        {"CUST_ID": f"C{10000 + i}"}
        | {
            f"AMOUNT_{n}": "" if (i + n) % 40 == 0 else f"{math.exp((spread(i * (n + 1), 0, 400) - 150) / 40):.3f}"
            for n in range(17)
        }
        for i in range(400)
    ]
    return written(folder / "cards.csv", csv_text(rows).encode())


def wholesale(folder: Path) -> Path:
    rows = [
        {
            "Buyer": f"B{spread(i, 100, 999)}-{i}",
            "Channel": 1 + i % 2,
            "Region": 1 + i % 3,
            "Depots": 1 + i % 3,
            "Fresh": spread(i, 3, 90000),
            "Milk": spread(i * 3, 55, 9000),
        }
        for i in range(ROWS)
    ]
    return written(folder / "wholesale.csv", csv_text(rows).encode())


def profiles(folder: Path) -> Path:
    lines = [
        json.dumps(
            {
                "id": f"{i * 7919:08x}",
                "age": 118 if i % 8 == 0 else spread(i, 18, 90),
                "address": {"city": ("Bonn", "Köln")[i % 2], "geo": {"altitude": spread(i, 10, 90)}},
                "became_member_on": int((date(2016, 1, 1) + timedelta(days=spread(i, 0, 800))).strftime("%Y%m%d")),
                "active": i % 3 > 0,
                "tags": ["a", "b"],
            },
            ensure_ascii=False,
        )
        for i in range(200)
    ]
    return written(folder / "profile.json", "\n".join(lines).encode())


def russian(folder: Path) -> Path:
    rows = [
        {"Код": f"К{i:04}", "Город": ("Москва", "Казань", "Тверь")[i % 3], "Возраст": spread(i, 18, 80)}
        for i in range(ROWS)
    ]
    return written(folder / "клиенты.csv", csv_text(rows, ";").encode("cp1251"))


def japanese(folder: Path) -> Path:
    rows = [{"顧客番号": f"J{i:04}", "性別": ("男性", "女性")[i % 2], "年齢": spread(i, 18, 80)} for i in range(ROWS)]
    return written(folder / "kokyaku.csv", csv_text(rows).encode("shift_jis"))


def arrow_table() -> pa.Table:
    numbers = range(ROWS)
    return pa.table(
        {
            "client": [f"P{i:04}" for i in numbers],
            "balance": pa.array([Decimal(spread(i, 100, 99999)) / 100 for i in numbers], pa.decimal128(12, 2)),
            "since": [date(2020, 1, 1) + timedelta(days=spread(i, 0, 900)) for i in numbers],
            "seen": [datetime(2026, 1, 1) + timedelta(hours=spread(i, 0, 900)) for i in numbers],
            "vip": [i % 4 == 0 for i in numbers],
            "orders": [[1, 2]] * ROWS,
            "home": [{"region": ("north", "south")[i % 2], "rooms": 1 + i % 5} for i in numbers],
        }
    )


def parquet(folder: Path) -> Path:
    pq.write_table(arrow_table(), folder / "clients.parquet")
    return folder / "clients.parquet"


def orc_file(folder: Path) -> Path:
    orc.write_table(arrow_table(), folder / "clients.orc")
    return folder / "clients.orc"


def packed(folder: Path) -> Path:
    return written(folder / "mall.csv.gz", gzip.compress(mall(folder).read_bytes()))


def parts_by_country(folder: Path) -> Path:
    root = folder / "parts"
    rows = [{"id": f"A{i:03}", "age": spread(i, 18, 80)} for i in range(ROWS)]
    for n, country in enumerate(("at", "de")):
        (root / f"country={country}").mkdir(parents=True)
        written(root / f"country={country}/part-0.csv", csv_text(rows[n::2]).encode())
    written(root / "_SUCCESS", b"")
    return root


def census(folder: Path) -> Path:
    rows = [
        {
            "person": f"N{i:04}",
            "age": "?" if i % 12 == 0 else spread(i, 17, 79),
            "hours": "n/a" if i == 5 else spread(i, 10, 60),
            "workclass": ("Private", "State", "?")[i % 3],
        }
        for i in range(ROWS)
    ]
    return written(folder / "census.csv", csv_text(rows).encode())


def dollars(folder: Path) -> Path:
    rows = [
        {
            "id": f"D{i:04}",
            "Revenue": f"${spread(i, 1, 9)},{spread(i, 100, 999)}.00",
            "Discount": f"{spread(i, 0, 45)}%",
            "Points": f"{spread(i, 1, 9)},{spread(i, 100, 999)}",
            "Paid": "1 234,5 €" if i == 3 else f"{spread(i, 100, 900)},5 €",
        }
        for i in range(ROWS)
    ]
    return written(folder / "dollars.csv", csv_text(rows).encode())


def reviews(folder: Path) -> Path:
    rows = [
        {"id": f"R{i:04}", "stars": 1 + i % 5, "review": f'He said "fine", twice.\nLine two of {i % 9}.'}
        for i in range(ROWS)
    ]
    return written(folder / "reviews.csv.bz2", bz2.compress(csv_text(rows).encode()))


def escaped(folder: Path) -> Path:
    lines = [f'"E{i:03}","the \\"{("big", "small")[i % 2]}\\", one",{spread(i, 1, 50)}' for i in range(ROWS)]
    return written(folder / "escaped.csv", "\n".join(['"id","kind","size"', *lines, ""]).encode())


def accounts(folder: Path) -> Path:
    rows = [
        {
            "id": f"A{i % 55:03}",
            "PLZ": f"{spread(i, 0, 9)}{spread(i * 3, 1000, 9999)}",
            "account_state": ("open", "open", "closed")[i % 3],
            "is_staff": ("no", "yes")[i % 10 == 0],
            "visits": spread(i, 1, 40),
            "updated": f"2026-11-{1 + i % 28:02} 10:00:00",
            "branch": f"{spread(i, 1, 50):04}",
            "account_number": spread(i, 10000, 19999) * 100 + i,
            "nothing": "",
            "row": i + 1,
            "remark": f"{'Called on Monday about the bill and the heating, number '}{i % 30}",
            "city": f"town {i % 25}",
            "clsss": ("x", "")[i % 2],
            "rank": 999 if i % 10 == 0 else spread(i, 1, 40),
            "score": 100 if i == 3 else spread(i, 1, 99),
            "delta": -1 if i % 9 == 0 else spread(i, 0, 50),
        }
        for i in range(ROWS)
    ]
    return written(folder / "accounts.csv", csv_text(rows, "|").encode())


def array(folder: Path) -> Path:
    rows = [{"id": i * 3 + 1000, "age": spread(i, 18, 70), "note": None if i % 2 else "x"} for i in range(ROWS)]
    return written(folder / "array.json", json.dumps(rows, indent=1).encode())


def wide_characters(folder: Path) -> Path:
    rows = [{"id": f"ö{i}", "age": spread(i, 18, 70)} for i in range(ROWS)]
    return written(folder / "excel.txt", csv_text(rows, "\t").encode("utf-16"))


def written(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path
