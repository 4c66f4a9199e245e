"""What marketing might do about a segment, and how far the segments of a run may be trusted. No Spark here.

Suggestions come from traits and the words of their names. A theme is recognised by words of a feature's shown name;
it counts as high or low where all of the segment's notable features of that theme say the same. Each rule below that
holds gives a sentence, and a theme serves one rule only.
"""

import re
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final

from seg_spark.segments.profiles import Profile
from seg_spark.segments.wording import contradicts, listed, typical, with_level
from seg_spark.settings.schema import STABLE

MOST_SENTENCES: Final = 4
_THEMES: Final[Mapping[str, Sequence[frozenset[str]]]] = {
    theme: [frozenset(one.split("+")) for one in words.split()]
    for theme, words in {
        "recency": "recency inactive inactivity since+last since+purchase since+order since+visit since+login",
        "discounts": "deal deals discount discounts coupon coupons promo promos promotion promotions voucher vouchers",
        "trouble": "complain complains complaint complaints refund refunds dispute disputes",
        "tenure": "tenure seniority",
        "means": "income salary earnings wage wages wealth einkommen gehalt",
        "often": "orders frequency transactions trips bookings bestellungen",
        "spending": "spend spent spending revenue charges turnover monetary sales expenses amount+of umsatz",
        "buying": "purchases purchase bought",
    }.items()
}
"""Words of which one (or two, joined by +) must be in a name; the first theme that fits is the name's, so `deals
purchases` are about discounts."""
_UNITS_OF_TIME: Final = frozenset(("since", "days", "weeks", "months", "hours", "minutes"))
_ABOUT_SOMETHING_ELSE: Final = _UNITS_OF_TIME | {
    "between", "until", "to", "interval", "gap", "cancelled", "canceled", "cancellation", "cancellations", "declined",
    "returned", "returns", "failed", "abandoned", "missed", "unpaid", "overdue", "not", "never", "without", "zero",
    "lost", "disputed", "refused", "missing", "drop", "decline", "growth", "calls", "limit",
}  # fmt: skip
"""With such a word a name that has one of a theme's is about something else: days between orders, cancelled orders."""
_OF_TIME: Final = ("recency", "tenure")
_MUCH_THE_SAME: Final = {"spending", "buying"}
_RANKED: Final = frozenset(("score", "quintile", "segment"))
"""A recency that is a score is the higher the more lately."""
_BEGINNINGS: Final = frozenset(("first", "signup", "registration", "registered", "joined", "joining"))
"""Since such a moment is how long somebody has been a customer."""
_RULES: Final[Sequence[tuple[Mapping[str, int], str]]] = (
    (
        {"means": 1, "spending": -1},
        "They can afford more than they spend: find out what holds them back, and show the best.",
    ),
    ({"means": 1, "spending": 1}, "Able and willing to spend: the best products and good service, not discounts."),
    ({"means": -1, "spending": 1}, "They spend a lot for what they earn: reward it; payment by instalments may help."),
    ({"means": -1, "spending": -1}, "Little to spend, and little spent: low prices, and contact that costs little."),
    ({"often": 1, "spending": -1}, "They buy often but little: bundles, and something more in each basket."),
    ({"often": -1, "spending": 1}, "They buy seldom, but a lot each time: make each occasion count."),
    (
        {"means": 1, "buying": -1},
        "They can afford more than they buy: find out what holds them back, and show the best.",
    ),
    ({"means": 1, "buying": 1}, "Able and willing to buy: the best products and good service, not discounts."),
    ({"recency": 1, "spending": 1}, "They spent a lot, but not lately: win these back first."),
    ({"often": 1, "spending": 1}, "They come often and spend a lot: keep them, by service rather than discounts."),
    ({"often": -1, "spending": -1}, "They come seldom and spend little: contact that costs little."),
    ({"recency": -1, "trouble": 1}, "They were here lately and have had trouble: solve that before the next offer."),
    ({"recency": 1}, "Long since they were last here: give them a reason to return, soon."),
    ({"recency": -1}, "They were here lately: a good moment for a next offer."),
    ({"spending": 1}, "They spend a lot: worth keeping, by service and early access rather than discounts."),
    ({"spending": -1}, "They spend little: a small next step, and contact that costs little."),
    ({"often": 1}, "They come often: reward it, and ask them what is missing."),
    ({"often": -1}, "They come seldom: a reason to come back matters more than a larger basket."),
    ({"buying": 1}, "They buy a lot: worth keeping, by service and early access rather than discounts."),
    ({"buying": -1}, "They buy little: a small next step, and contact that costs little."),
    ({"means": 1}, "They earn more than most: quality counts before price."),
    ({"means": -1}, "They earn less than most: price counts."),
    ({"discounts": 1}, "They answer to discounts."),
    ({"discounts": -1}, "They take few discounts: they may not need them."),
    ({"trouble": 1}, "They have had trouble: solve that before any offer."),
    ({"tenure": 1}, "With you for longer than most: thank them for it."),
    ({"tenure": -1}, "Newer than most: help them to settle in."),
)
"""What themes, high (1) or low (-1), suggest together; of several rules over a theme the first that holds speaks."""
_APART: Final = 0.5
_FEWEST_CUSTOMERS: Final = 100
"""Halves of fewer agree or not by chance."""
_OVERLAPPING: Final = 0.25
"""Mean Euclidean silhouettes from which on Kaufman & Rousseeuw (1990) see a reasonable and a weak structure."""


def suggestion(notable: Sequence[Profile], levels: Mapping[str, Sequence[str | None]] = MappingProxyType({})) -> str:
    """What the notable traits of a segment (strongest first) suggest, in at most four sentences.

    `levels` are those of each category.
    """
    numbers = [profile for profile in notable if profile.kind == "number"]
    signs = {number.shown_name: 1 if (number.z_score or 0.0) > 0 else -1 for number in numbers}
    # of amounts below zero, as refunds may be written, high is little
    known = [number.shown_name for number in numbers if (number.overall_mean or 0.0) >= 0 and not _is_doubtful(number)]
    themes = {name: theme for name in known if (theme := _theme_of(name)) is not None}
    found = {(theme, signs[name]) for name, theme in themes.items()}
    open_themes = {theme: sign for theme, sign in found if (theme, -sign) not in found}
    told: set[str] = set()
    sentences: list[str] = []
    for conditions, text in _RULES:
        if all(open_themes.get(theme) == sign for theme, sign in conditions.items()):
            sentences.append(text)
            told |= set(conditions) | (_MUCH_THE_SAME if _MUCH_THE_SAME & set(conditions) else set())
            open_themes = {theme: sign for theme, sign in open_themes.items() if theme not in told}
    others = [f"{'high' if sign > 0 else 'low'} {name}" for name, sign in signs.items() if themes.get(name) not in told]
    others += [
        ("mostly " if (profile.level_share or 0.0) > 0.5 else "often ")
        + with_level(profile.shown_name, profile.level, levels.get(profile.feature, ()))
        for profile in notable
        if profile.kind == "category"
    ]
    if others:
        sentences.insert(
            MOST_SENTENCES - 1, f"What {'also ' if sentences else ''}sets them apart: {listed(others[:4])}."
        )
    return " ".join(sentences[:MOST_SENTENCES]) or (
        "Close to everybody: what works for all works here; no special offer suggests itself."
    )


def _is_doubtful(one: Profile) -> bool:
    """Whether the values of a segment, in original units, say the opposite of its deviation in feature space."""
    if one.mean is None or one.overall_mean is None:
        return False
    own, overall, _ = typical(one.mean, one.median, one.overall_mean, one.overall_median, one.z_score or 0.0)
    return contradicts(own, overall, one.z_score or 0.0)


def _theme_of(name: str) -> str | None:
    words = set(re.findall(r"\w+", re.sub(r"\bno\b(?! of\b)", "without", name.lower())))
    found = [theme for theme, own in _THEMES.items() if any(one <= words for one in own)]
    if "rank" in words:  # the first may have the most
        return None
    if "recency" in found and (words & _RANKED or not {"discounts", "trouble"}.isdisjoint(found)):
        return None
    if "since" in words and words & _BEGINNINGS and "trouble" not in found:
        return None if words & (_ABOUT_SOMETHING_ELSE - _UNITS_OF_TIME) else "tenure"
    found = [theme for theme in found if theme in _OF_TIME or not words & _ABOUT_SOMETHING_ELSE]
    return found[0] if found else None


def verdict(score: Mapping[str, Any], customers: int) -> str:
    """What the scores of the chosen k say: whether its segments lie apart, and whether other customers than those it
    was fitted on would give the same ones. Empty where neither is known."""
    sentences = []
    silhouette, stability = score.get("silhouette_euclidean"), score.get("prediction_strength")
    if silhouette is not None:
        if silhouette >= _APART:
            sentences.append("The segments lie clearly apart.")
        elif silhouette >= _OVERLAPPING:
            sentences.append("The segments overlap: customers near a border could be in either.")
        elif stability is not None and stability >= STABLE:  # as among many features that tell nothing
            sentences.append("Over all features together the segments lie close to one another.")
        else:
            sentences.append("The segments are blurred: they divide customers who differ by degrees, not by kind.")
    if stability is not None and customers < _FEWEST_CUSTOMERS:
        sentences.append(f"With only {customers} customers nobody can tell whether they are stable.")
    elif stability is not None and stability >= STABLE:
        sentences.append(
            "They are stable: one half of the customers gives the same ones as the other (prediction strength "
            f"{stability:.2f})."
        )
    elif stability is not None:
        sentences.append(
            f"Not all are stable (prediction strength {stability:.2f}, below {STABLE}): other customers would shift "
            "some of their borders."
        )
    return " ".join(sentences)
