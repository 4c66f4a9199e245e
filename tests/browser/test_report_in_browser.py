"""The report page in a real browser: no errors, accessible, and its form answers like the batch."""

import importlib.resources
import json
import random
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb
import pytest
from builders import conf_dir, write_csv

from seg_spark.cli.main import main

if TYPE_CHECKING:
    from selenium.webdriver import Chrome

pytestmark = pytest.mark.browser

HOSTILE = "</script><script>document.title='broken'</script><!--<script>& \"it's\" 顧客"
FEATURES: dict[str, Any] = {
    "spend": {"transform": "log1p", "valid": [0, 100000], "unit": "€", "label": "yearly spend <b>&"},
    "age": {"missing": "reject", "clip": [0.02, 0.98], "valid": [18, None]},
    "visits": {"missing": 0, "weight": 1.5},
    "region": {"kind": "category", "weight": 0.7, "max_categories": 3},
    "plan": {"kind": "category", "missing": {"constant": "basic"}, "weight": 0.5},
    "newsletter": {"kind": "category"},
}


@pytest.fixture(scope="module")
def published(spark: object, tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("report")
    generator = random.Random(7)
    rows = [
        {
            "id": f"{number:04}",
            "spend": round(generator.lognormvariate(4 + 1.5 * (number % 3), 0.4), 2) if number % 9 else "",
            "age": round(generator.gauss(35 + 12 * (number % 3), 4)),
            "visits": generator.randrange(1, 9) * (number % 3 + 1) if number % 7 else "",
            "region": generator.choice(["north", "south", HOSTILE, "east", "west"][number % 3 :]),
            "plan": generator.choice(["basic", "gold", ""]),
            "newsletter": generator.choice(["yes", "no"]),
        }
        for number in range(400)
    ]
    write_csv(root, rows)
    folder = conf_dir(root, FEATURES, clustering={"k": {"min": 2, "max": 4}})
    assert main(["nightly", "--run-date", "2026-11-23", "--conf-dir", str(folder)]) == 0
    return root


def page_of(root: Path) -> Path:
    [page] = (root / "output" / "runs").rglob("*.html")
    return page


def opened(browser: "Chrome", page: Path, width: int = 1440, theme: str = "light") -> "Chrome":
    size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    features = [{"name": "prefers-color-scheme", "value": theme}]
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})
    browser.get(page.as_uri())
    return browser


@pytest.mark.parametrize("width", [390, 1440])
def test_the_page_loads_without_a_fault(browser: "Chrome", published: Path, width: int) -> None:
    chrome = opened(browser, page_of(published), width)
    assert chrome.title == "Customer segments of 2026-11-23"
    assert [entry["message"] for entry in chrome.get_log("browser")] == []
    assert chrome.execute_script("return window.innerWidth") == width
    assert chrome.execute_script("return document.documentElement.scrollWidth") <= width
    assert page_of(published).stat().st_size < 300_000


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_no_serious_fault(browser: "Chrome", published: Path, theme: str) -> None:
    chrome = opened(browser, page_of(published), theme=theme)
    background = chrome.execute_script("return getComputedStyle(document.body).backgroundColor")
    assert background == ("rgb(255, 255, 255)" if theme == "light" else "rgb(22, 24, 28)")
    axe = importlib.resources.files("axe_playwright_python").joinpath("axe.min.js").read_text(encoding="utf-8")
    chrome.execute_script(axe)
    found = chrome.execute_async_script("axe.run().then(arguments[arguments.length - 1])")
    serious = [
        (one["id"], [node["html"][:120] for node in one["nodes"]][:3])
        for one in found["violations"]
        if one["impact"] in ("serious", "critical")
    ]
    assert serious == []


def test_the_form_answers_like_the_batch(browser: "Chrome", published: Path) -> None:
    chrome = opened(browser, page_of(published))
    clean, labels = (f"{published}/output/{name}/*/*.parquet" for name in ("clean_customers", "customer_segments"))
    names = list(FEATURES)
    rows = duckdb.sql(
        f"SELECT segment_id, distance, margin, runner_up_segment_id, {', '.join(names)} "
        f"FROM '{clean}' JOIN '{labels}' USING (customer_id)"
    ).fetchall()
    assert len(rows) > 350
    asked = [
        {
            name: "" if value is None else f"={value}" if FEATURES[name].get("kind") == "category" else repr(value)
            for name, value in zip(names, row[4:], strict=True)
        }
        for row in rows
    ]
    script = """return arguments[0].map((one) => { const found = window.segSpark.answer(one);
        return [found.nearest.segment_id, found.distance, found.margin, found.runnerUp.segment_id]; });"""
    for found, row in zip(chrome.execute_script(script, asked), rows, strict=True):
        assert found == pytest.approx(list(row[:4]), rel=1e-9, abs=1e-9)


def test_one_customer_is_answered_in_the_page_as_by_predict(
    browser: "Chrome", published: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from selenium.webdriver.common.by import By
    from selenium.webdriver.support.select import Select

    chrome = opened(browser, page_of(published), 390)
    form = chrome.find_element(By.ID, "ask")
    for name, text in (("spend", "1250"), ("age", "40")):
        form.find_element(By.NAME, name).send_keys(text)
    Select(form.find_element(By.NAME, "newsletter")).select_by_visible_text("yes")
    form.find_element(By.TAG_NAME, "button").click()
    shown = chrome.find_element(By.ID, "answer").text
    words = ["spend=1250", "age=40", "newsletter=yes", "--json"]
    assert main(["predict", "--conf-dir", str(published / "conf"), *words]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert f"Segment {answer['segment_id']} · {answer['segment_name']}" in shown
    assert f"Distance {answer['distance']:.3f}" in shown
    assert f"margin {answer['margin']:.3f}" in shown
    form.find_element(By.NAME, "age").clear()
    form.find_element(By.TAG_NAME, "button").click()
    assert "No segment: age is missing" in chrome.find_element(By.ID, "answer").text


def test_another_segment_can_be_laid_over_the_distributions(browser: "Chrome", published: Path) -> None:
    from selenium.webdriver.common.by import By
    from selenium.webdriver.support.select import Select

    chrome = opened(browser, page_of(published))
    paths = chrome.find_elements(By.CSS_SELECTOR, "path.own")
    assert len(paths) == len(FEATURES)
    before = [path.get_attribute("d") for path in paths]
    Select(chrome.find_element(By.ID, "segment")).select_by_index(1)
    after = [path.get_attribute("d") for path in chrome.find_elements(By.CSS_SELECTOR, "path.own")]
    assert all(before)
    assert all(after)
    assert before != after
