"use strict";
(() => {
  const { model, distributions } = JSON.parse(document.getElementById("data").textContent);
  const segments = [...model.segments].sort((a, b) => a.cluster - b.cluster);
  const byName = Object.fromEntries(distributions.map((one) => [one.feature, one]));
  const shown = (name) => name.replace(/_/g, " ");

  // --- distributions -------------------------------------------------------------------------------
  const picker = document.getElementById("segment");
  const draw = () => {
    const id = picker.value;
    for (const path of document.querySelectorAll("path.own")) {
      const one = byName[path.parentNode.dataset.feature];
      const shares = one.segments[id] || [];
      const every = [...one.all, ...Object.values(one.segments).flat()];
      const scale = 88 / (Math.max(...every) || 1);
      const width = 300 / Math.max(1, shares.length);
      let d = shares.length ? "M0 90" : "";
      for (const share of shares) d += `V${(90 - share * scale).toFixed(1)}h${width.toFixed(2)}`;
      path.setAttribute("d", d ? `${d}V90` : "");
      path.setAttribute("class", `own c${(Number(id) - 1) % 12}`);
    }
  };
  if (picker) {
    picker.addEventListener("change", draw);
    draw();
  }

  // --- the values of a chart: under the pointer, under the finger, or by the arrow keys -----------------
  const tip = document.getElementById("tip");
  const nameOf = Object.fromEntries(segments.map((one) => [one.segment_id, `${one.segment_id} · ${one.name}`]));
  const percent = (share) => `${(100 * share).toFixed(1)}%`;
  const short = (value) => Number(value.toPrecision(3)).toLocaleString("en");
  const withUnit = (low, high, unit) =>
    unit === "calendar year" ? `${low.toFixed(0)} to ${high.toFixed(0)}` : `${short(low)} to ${short(high)}${unit ? ` ${unit}` : ""}`;
  const barMarks = (svg) => {
    const one = byName[svg.dataset.feature];
    const unit = model.features.find((feature) => feature.name === one.feature).unit;
    const own = one.segments[picker.value] || [];
    const width = 300 / Math.max(1, one.all.length);
    return one.all.map((share, i) => {
      const what = one.levels ? one.levels[i] ?? "missing" : withUnit(one.edges[i], one.edges[i + 1], unit);
      return { x: (i + 0.5) * width, y: 80, stop: true, text: `${what}: everybody ${percent(share)}, segment ${picker.value} ${percent(own[i] || 0)}` };
    });
  };
  const mapMarks = (svg) => {
    const [xLow, xHigh, x0, x1, yLow, yHigh, y0, y1] = svg.dataset.scale.split(" ").map(Number);
    const read = (name, value) => `${name}: ${name.endsWith("(calendar year)") ? value.toFixed(0) : short(value)}`;
    const mark = (segment, x, y, stop) => {
      const across = read(svg.dataset.x, xLow + ((x - x0) / (x1 - x0)) * (xHigh - xLow));
      const up = svg.dataset.y ? `; ${read(svg.dataset.y, yLow + ((y - y0) / (y1 - y0)) * (yHigh - yLow))}` : "";
      return { x, y, stop, text: `${stop ? "Centre of " : ""}${nameOf[segment]}. ${across}${up}` };
    };
    const centres = [...svg.querySelectorAll("circle.centre")].map((one) => mark(one.dataset.segment, one.cx.baseVal.value, one.cy.baseVal.value, true));
    const dots = [...svg.querySelectorAll("path.dots")].flatMap((path) =>
      [...path.getAttribute("d").matchAll(/M([\d.]+) ([\d.]+)/g)].map((at) => mark(path.dataset.segment, Number(at[1]), Number(at[2]), false)));
    return [...centres, ...dots];
  };
  const sizeMarks = (svg) => [...svg.querySelectorAll("[data-sizes]")].flatMap((path) => {
    const sizes = path.dataset.sizes.split(";");
    return [...path.getAttribute("d").matchAll(/([\d.]+) ([\d.]+)/g)].map((at, i) => ({ x: Number(at[1]), y: Number(at[2]), stop: true, text: `${path.dataset.name}, ${sizes[i]} customers` }));
  });
  const marksOf = (svg) => {
    if (svg.dataset.feature) return barMarks(svg);
    if (svg.dataset.scale) return (svg.marks ??= mapMarks(svg));
    if (svg.dataset.days) return (svg.marks ??= sizeMarks(svg));
    return (svg.marks ??= [...svg.querySelectorAll("[data-tip]")].map((one) => {
      const box = one.getBBox();
      return { x: box.x + box.width / 2, y: box.y + box.height / 2, stop: true, text: (one.dataset.segment ? `${nameOf[one.dataset.segment]}: ` : "") + one.dataset.tip };
    }));
  };
  const ring = document.createElementNS("http://www.w3.org/2000/svg", "circle");
  ring.setAttribute("class", "ring");
  ring.setAttribute("r", "7");
  const hide = () => {
    tip.hidden = true;
    ring.remove();
  };
  const show = (svg, mark) => {
    if (!mark) return;
    tip.textContent = mark.text;
    tip.hidden = false;
    ring.setAttribute("cx", mark.x);
    ring.setAttribute("cy", mark.y);
    svg.append(ring);
    const at = new DOMPoint(mark.x, mark.y).matrixTransform(svg.getScreenCTM());
    const left = Math.min(Math.max(8, at.x - tip.offsetWidth / 2), document.documentElement.clientWidth - tip.offsetWidth - 8);
    const above = at.y - tip.offsetHeight - 14;
    tip.style.left = `${left + window.scrollX}px`;
    tip.style.top = `${(above > 4 ? above : at.y + 14) + window.scrollY}px`;
  };
  for (const svg of document.querySelectorAll("svg[data-nearest]")) {
    const axes = svg.dataset.nearest;
    const point = (event) => {
      const at = new DOMPoint(event.clientX, event.clientY).matrixTransform(svg.getScreenCTM().inverse());
      const far = (mark) => (axes.includes("x") ? (mark.x - at.x) ** 2 : 0) + (axes.includes("y") ? (mark.y - at.y) ** 2 : 0);
      show(svg, marksOf(svg).reduce((best, mark) => (best && far(best) <= far(mark) ? best : mark), null));
    };
    svg.addEventListener("pointerdown", point);
    svg.addEventListener("pointermove", point);
    svg.addEventListener("pointerleave", (event) => event.pointerType === "mouse" && hide());
    svg.addEventListener("blur", hide);
    svg.addEventListener("focus", () => svg.matches(":focus-visible") && step(0, true));
    let position = 0;
    const step = (by, first) => {
      const stops = marksOf(svg).filter((mark) => mark.stop);
      position = first ? 0 : Math.min(Math.max(0, position + by), stops.length - 1);
      show(svg, stops[position]);
    };
    svg.addEventListener("keydown", (event) => {
      const by = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1, Home: -Infinity, End: Infinity }[event.key];
      if (by !== undefined) {
        event.preventDefault();
        step(by);
      } else if (event.key === "Escape") hide();
    });
  }
  document.addEventListener("pointerdown", (event) => event.target.closest("svg[data-nearest]") || hide());

  // --- many segments: only those with the words asked for ----------------------------------------------
  const words = document.getElementById("words");
  if (words) {
    words.addEventListener("input", () => {
      const asked = words.value.toLowerCase().split(/\s+/).filter(Boolean);
      const cards = [...document.querySelectorAll("article.card")];
      for (const card of cards) {
        const text = [...card.querySelectorAll("h3, li")].map((one) => one.textContent.toLowerCase()).join(" ");
        card.hidden = !asked.every((word) => text.includes(word));
      }
      for (const row of document.querySelectorAll("tr[data-card]")) row.hidden = document.getElementById(row.dataset.card).hidden;
      const found = cards.filter((card) => !card.hidden).length;
      document.getElementById("more-segments").open = asked.length > 0;
      document.getElementById("matches").textContent = asked.length ? `${found} of ${cards.length} segments` : "";
    });
  }
  const reveal = () => {
    const card = location.hash.startsWith("#segment-") && document.getElementById(location.hash.slice(1));
    if (!card) return;
    card.hidden = false;
    const folded = card.closest("#more-segments");
    if (folded) folded.open = true;
    card.scrollIntoView();
  };
  window.addEventListener("hashchange", reveal);
  reveal();

  // --- one customer: the formulas of the batch -----------------------------------------------------
  const axesOf = (feature, raw) => {
    if (feature.kind === "number") {
      let value = raw === "" ? feature.fill : Number(raw);
      if (feature.clip) value = Math.min(Math.max(value, feature.clip[0]), feature.clip[1]);
      if (feature.transform === "log1p") value = Math.log(1 + value);
      return [(value - feature.shift) * feature.scale];
    }
    let level = raw === "" ? feature.fill : raw === "?" ? undefined : raw.slice(1);
    if (feature.folded.includes(level)) level = "other";
    return feature.levels.map((known) => (level === known ? feature.weight : 0));
  };
  const refusal = (feature, raw) => {
    const name = feature.label || shown(feature.name);
    if (raw === "") return feature.reject_missing ? `${name} is missing` : null;
    if (feature.kind !== "number") return null;
    const value = Number(raw);
    if (!(Math.abs(value) < 1e150)) return `${name} is not a number`;
    const [low, high] = feature.valid || [null, null];
    if ((low !== null && value < low) || (high !== null && value > high)) {
      const limits = [low === null ? "" : `from ${low}`, high === null ? "" : `up to ${high}`].filter(Boolean).join(" ");
      return `${name} is out of range (accepted: ${limits})`;
    }
    return null;
  };
  const answer = (values) => {
    const reasons = model.features.map((one) => refusal(one, values[one.name] ?? "")).filter(Boolean);
    if (reasons.length) return { reasons };
    const parts = model.features.map((one) => axesOf(one, values[one.name] ?? ""));
    const point = parts.flat();
    const squared = segments.map((one) => point.reduce((sum, x, i) => sum + (x - one.centre[i]) * (x - one.centre[i]), 0));
    const order = segments.map((_, i) => i).sort((a, b) => squared[a] - squared[b] || a - b);
    const [nearest, runnerUp] = [segments[order[0]], segments[order[1]]];
    const [least, second] = [squared[order[0]], squared[order[1]]];
    let axis = 0;
    const gaps = parts.map((own, i) => {
      const gap = own.reduce((sum, x, j) => sum + (x - runnerUp.centre[axis + j]) ** 2 - (x - nearest.centre[axis + j]) ** 2, 0);
      axis += own.length;
      return { feature: model.features[i], gap };
    });
    return {
      nearest, runnerUp, distance: Math.sqrt(least),
      margin: second > 0 ? 1 - Math.sqrt(least) / Math.sqrt(second) : 0,
      deciding: gaps.sort((a, b) => b.gap - a.gap),
    };
  };
  window.segSpark = { answer };

  const form = document.getElementById("ask");
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const output = document.getElementById("answer");
    output.replaceChildren();
    const say = (text) => output.append(Object.assign(document.createElement("p"), { textContent: text }));
    const invalid = [...form.elements].find((one) => one.validity && one.validity.badInput);
    if (invalid) return say(`${shown(invalid.name)} is not a number`);
    const values = Object.fromEntries(new FormData(form));
    const found = answer(values);
    if (found.reasons) return say(`No segment: ${found.reasons.join("; ")}.`);
    const clear = found.margin < 0.05 ? "a close call" : found.margin < 0.5 ? "fairly clear" : "clear-cut";
    say(`Segment ${found.nearest.segment_id} · ${found.nearest.name}`);
    if (found.nearest.description) say(`On average: ${found.nearest.description}.`);
    const far = found.distance > found.nearest.outlier_distance ? " (further out than 99.5% of its customers: an outlier)" : "";
    say(`Distance ${found.distance.toFixed(3)}${far}; runner-up: ${found.runnerUp.segment_id} · ${found.runnerUp.name}; margin ${found.margin.toFixed(3)} (${clear}).`);
    const speaking = found.deciding.filter((one) => one.gap > 0);
    const whole = speaking.reduce((sum, one) => sum + one.gap, 0);
    const decided = speaking.filter((one) => one.gap >= 0.05 * whole).slice(0, 3);
    const name = (feature) => feature.label || shown(feature.name);
    const isEmpty = (feature) => (values[feature.name] ?? "") === "";
    const told = decided.map(({ feature, gap }) => `${name(feature)}${isEmpty(feature) ? ", which is empty" : ""} (${Math.round((100 * gap) / whole)}%)`);
    if (told.length) say(`What speaks for it: ${told.join(", ")}.`);
    const empty = model.features.filter(isEmpty);
    if (empty.length) say(`Empty, filled in as a run does: ${empty.map(name).join(", ")}.${2 * empty.length > model.features.length ? " With so little known the answer says little." : ""}`);
  });
})();
