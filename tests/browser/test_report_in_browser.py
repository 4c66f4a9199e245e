"""The report page in a real browser: no errors, accessible, and its form answers like the batch."""

import importlib.resources
import json
import random
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb
import pytest
from builders import conf_dir, write_csv
from report_pages import page

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
    folder = conf_dir(root, FEATURES, clustering={"k": {"min": 2, "max": 4}})
    poor = {"spend": 50, "age": 35, "visits": 3}
    moving = [{**row, **poor} if number % 3 == 2 and 20 <= number < 60 else row for number, row in enumerate(rows)]
    for run_date, customers in (("2026-11-22", rows[:390]), ("2026-11-23", moving[10:])):
        write_csv(root, customers)
        assert main(["nightly", "--run-date", run_date, "--conf-dir", str(folder)]) == 0
    return root


def page_of(root: Path) -> Path:
    [page] = (root / "output" / "runs" / "run_date=2026-11-23").rglob("*.html")
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
    clean, labels = (
        f"{published}/output/{name}/run_date=2026-11-23/*.parquet" for name in ("clean_customers", "customer_segments")
    )
    features = list(FEATURES)
    rows = duckdb.sql(
        f"SELECT segment_id, distance, margin, runner_up_segment_id, {', '.join(features)} "
        f"FROM '{clean}' JOIN '{labels}' USING (customer_id)"
    ).fetchall()
    assert len(rows) > 350
    asked = [
        {
            name: "" if value is None else f"={value}" if FEATURES[name].get("kind") == "category" else repr(value)
            for name, value in zip(features, row[4:], strict=True)
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
    said = shown.split("Empty, filled in as a run does: ")[1].splitlines()[0]
    assert [name in said for name in FEATURES] == [name in answer["missing"] for name in FEATURES]
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


def tip_of(chrome: "Chrome") -> str:
    """The text of the tooltip, which must lie inside the window."""
    tip = chrome.find_element("id", "tip")
    if not tip.is_displayed():
        return ""
    box = chrome.execute_script(
        "const box = arguments[0].getBoundingClientRect();"
        "return [box.left, innerWidth - box.right, box.top, innerHeight - box.bottom]",
        tip,
    )
    assert min(box) >= 0
    return tip.text


def test_a_chart_tells_its_values_by_mouse_finger_and_keyboard(browser: "Chrome", published: Path) -> None:
    from selenium.webdriver.common.action_chains import ActionChains
    from selenium.webdriver.common.by import By
    from selenium.webdriver.common.keys import Keys

    [record] = (json.loads(path.read_text()) for path in page_of(published).parent.glob("*.json"))
    chosen = next(one for one in record["scores"] if one["k"] == record["chosen_k"])
    chrome = opened(browser, page_of(published), 390)
    charts = chrome.find_elements(By.CSS_SELECTOR, "svg[data-nearest]")
    assert len(charts) == 2 + 6 + 2 + len(FEATURES)
    assert tip_of(chrome) == ""

    marked = chrome.find_element(By.CSS_SELECTOR, "circle.chosen")  # of the within sum of squares
    chrome.execute_script("arguments[0].scrollIntoView({block: 'center'})", charts[2])
    ActionChains(chrome).move_to_element(marked).perform()
    expected = (
        f"k = {chosen['k']} (chosen): {chosen['within_ss']:,.0f}; MLlib's own fit {chosen['mllib_within_ss']:,.0f}"
    )
    assert tip_of(chrome) == expected
    ActionChains(chrome).move_to_element(chrome.find_element(By.ID, "choice-title")).perform()
    assert tip_of(chrome) == ""

    def tap(element: Any) -> None:
        at = chrome.execute_script(
            "arguments[0].scrollIntoView({block: 'center'}); const box = arguments[0].getBoundingClientRect();"
            "return {x: box.left + box.width / 2, y: box.top + box.height / 2}",
            element,
        )
        chrome.execute_cdp_cmd("Input.dispatchTouchEvent", {"type": "touchStart", "touchPoints": [at]})
        chrome.execute_cdp_cmd("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})

    name = {one["segment_id"]: one["segment_name"] for one in record["segments"]}
    tap(chrome.find_element(By.CSS_SELECTOR, "path.area[data-segment='2']"))
    assert tip_of(chrome).startswith(f"2 · {name[2]}: mean 0.")
    tap(chrome.find_element(By.ID, "quality-title"))
    assert tip_of(chrome) == ""

    the_map = chrome.find_element(By.CSS_SELECTOR, "svg[data-scale]")
    chrome.find_element(By.CSS_SELECTOR, "#choice summary").click()
    ActionChains(chrome).send_keys(*[Keys.TAB] * 3).perform()  # past the table of scores and the words
    assert chrome.switch_to.active_element == the_map
    assert tip_of(chrome).startswith(f"Centre of 1 · {name[1]}. component 1 (")
    ActionChains(chrome).send_keys(Keys.ARROW_RIGHT).perform()
    assert tip_of(chrome).startswith(f"Centre of 2 · {name[2]}. ")
    ActionChains(chrome).send_keys(Keys.END, Keys.ARROW_RIGHT).perform()
    assert tip_of(chrome).startswith(f"Centre of {len(name)} · ")
    ActionChains(chrome).send_keys(Keys.ESCAPE).perform()
    assert tip_of(chrome) == ""


def test_the_bars_of_a_distribution_tell_the_shares_of_the_chosen_segment(browser: "Chrome", published: Path) -> None:
    from selenium.webdriver.common.by import By
    from selenium.webdriver.support.select import Select

    chrome = opened(browser, page_of(published))
    Select(chrome.find_element(By.ID, "segment")).select_by_value("2")
    chart = chrome.find_element(By.CSS_SELECTOR, "svg[data-feature='plan']")
    chrome.execute_script("arguments[0].dispatchEvent(new KeyboardEvent('keydown', {key: 'Home'}))", chart)
    labels = f"{published}/output/customer_segments/run_date=2026-11-23/*.parquet"
    clean = f"{published}/output/clean_customers/run_date=2026-11-23/*.parquet"
    held = "avg((plan IS NULL OR plan = 'basic')::int)"
    [[everybody, own]] = duckdb.sql(
        f"SELECT {held}, {held} FILTER (segment_id = 2) FROM '{clean}' JOIN '{labels}' USING (customer_id)"
    ).fetchall()
    found = re.fullmatch(r"basic: everybody ([\d.]+)%, segment 2 ([\d.]+)%", tip_of(chrome))
    assert found is not None
    assert [float(one) for one in found.groups()] == pytest.approx([100 * everybody, 100 * own], abs=0.06)


def test_the_page_tells_who_moved_and_how_large_segments_were(browser: "Chrome", published: Path) -> None:
    from selenium.webdriver.common.by import By

    chrome = opened(browser, page_of(published))
    moves = duckdb.sql(
        f"SELECT from_segment_id, to_segment_id, customers FROM "
        f"'{published}/output/segment_transitions/run_date=2026-11-23/*.parquet' "
        "WHERE from_segment_id IS DISTINCT FROM to_segment_id"
    ).fetchall()
    assert {(None in move[:2]) for move in moves} == {True, False}, "somebody moved, and somebody entered or left"
    told = [one.get_attribute("data-tip") for one in chrome.find_elements(By.CSS_SELECTOR, "path.ribbon")]

    def read(tip: str) -> tuple[int | None, int | None, int]:
        found = re.fullmatch(
            r"(?:(\d+) · .*|entered the table) → (?:(\d+) · .*|left the table): ([\d,]+) customers", tip
        )
        assert found is not None, tip
        ids = [int(one) if one else None for one in found.groups()[:2]]
        return ids[0], ids[1], int(found[3].replace(",", ""))

    assert sorted(map(str, map(read, told))) == sorted(map(str, moves))
    sums = {"moved": 0, "entered": 0, "left": 0}
    for before, now, customers in moves:
        sums["entered" if before is None else "left" if now is None else "moved"] += customers
    text = chrome.find_element(By.ID, "changes").text
    assert f"{sums['moved']} moved to another, {sums['entered']} entered the table, {sums['left']} left it" in text
    assert "The model fitted on 2026-11-22 labels these customers; no new fit was made" in text

    [chart] = chrome.find_elements(By.CSS_SELECTOR, "svg[data-days='2']")
    chrome.execute_script("arguments[0].scrollIntoView({block: 'center'})", chart)
    chrome.execute_script("arguments[0].dispatchEvent(new KeyboardEvent('keydown', {key: 'End'}))", chart)
    [[segment, name, customers]] = duckdb.sql(
        f"SELECT segment_id, any_value(segment_name), count(*) FROM "
        f"'{published}/output/customer_segments/run_date=2026-11-23/*.parquet' GROUP BY 1 ORDER BY 1 DESC LIMIT 1"
    ).fetchall()
    assert tip_of(chrome) == f"{segment} · {name}, 2026-11-23: {customers} customers"


def test_many_segments_can_be_searched_and_are_reached_by_links(browser: "Chrome", tmp_path: Path) -> None:
    from selenium.webdriver.common.by import By

    path = tmp_path / "fifty.html"
    path.write_text(page(3, 50), encoding="utf-8")
    chrome = opened(browser, path, 390)

    def seen(selector: str) -> list[str]:
        found = chrome.find_elements(By.CSS_SELECTOR, selector)
        return [one.text.split(" ·")[0].strip() for one in found if one.is_displayed()]

    assert seen("article.card h3") == [str(one) for one in range(1, 13)]
    words = chrome.find_element(By.ID, "words")
    words.send_keys("segment 41 顧客")
    assert seen("article.card h3") == seen("table.sizes tbody th") == ["41"]
    assert chrome.find_element(By.ID, "matches").text == "1 of 50 segments"
    words.clear()
    words.send_keys(" ")
    assert len(seen("table.sizes tbody th")) == 50
    chrome.find_element(By.CSS_SELECTOR, "tr[data-card='segment-50'] a").click()
    assert "50" in seen("article.card h3")
    assert chrome.get_log("browser") == []


def test_what_is_folded_on_the_screen_is_printed(browser: "Chrome", published: Path) -> None:
    chrome = opened(browser, page_of(published))
    heights = "return [...document.querySelectorAll('details')].map(d => d.getBoundingClientRect().height)"
    folded = chrome.execute_script(heights)
    chrome.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print"})
    printed = chrome.execute_script(heights)
    chrome.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": ""})
    assert len(folded) > 1
    assert all(on_paper > 1.5 * on_screen for on_screen, on_paper in zip(folded, printed, strict=True))
