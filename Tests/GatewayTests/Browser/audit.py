"""What a script can see of a page's accessibility: an expression whose value is a list of faults."""

AUDIT = r"""(() => {
  const faults = [];
  const isShown = (e) => e.checkVisibility({ visibilityProperty: true }) && !e.closest(".spoken");
  const name = (e) => (e.getAttribute("aria-label") ?? (e.getAttribute("aria-labelledby") ?? "").split(" ").map((id) => document.getElementById(id)?.textContent ?? "").join(" ")).trim()
    || [...(e.labels ?? [])].map((label) => label.textContent).join(" ").trim() || (e.matches("button, a, summary") ? e.textContent.trim() : "") || e.alt || "";

  // Structure.
  if (!document.documentElement.lang || !document.title) faults.push("no language or title");
  for (const [what, count] of [["main", 1], ["h1", 1], ["body > header", 1]]) if (document.querySelectorAll(what).length !== count) faults.push(`not one ${what}`);
  const levels = [...document.querySelectorAll("h1, h2, h3")].filter(isShown).map((e) => Number(e.tagName[1]));
  levels.forEach((level, index) => { if (index && level > levels[index - 1] + 1) faults.push(`a heading of level ${level} after one of ${levels[index - 1]}`); });
  const ids = [...document.querySelectorAll("[id]")].map((e) => e.id);
  if (new Set(ids).size !== ids.length) faults.push("an id twice");
  for (const e of document.querySelectorAll("[aria-labelledby], [aria-describedby]")) {
    for (const id of `${e.getAttribute("aria-labelledby") ?? ""} ${e.getAttribute("aria-describedby") ?? ""}`.split(" ").filter(Boolean)) if (!document.getElementById(id)) faults.push(`no element ${id}`);
  }
  for (const table of document.querySelectorAll("table")) {
    if (!table.caption) faults.push("a table without a caption");
    for (const th of table.querySelectorAll("th")) if (!th.scope) faults.push(`a heading without a scope: ${th.textContent}`);
    for (const row of table.querySelectorAll("tbody > tr:not(.empty)")) if (isShown(row) && !row.querySelector("th")) faults.push(`a row without a heading: ${row.textContent}`);
  }
  if (!document.querySelector("[role=status]") || !document.querySelector("[role=alert]")) faults.push("no live region");
  for (const e of document.querySelectorAll("section, dialog, nav, [role=region]")) if (!name(e)) faults.push(`a ${e.tagName} without a name`);
  for (const e of document.querySelectorAll("button, a, input, select, summary, [role=img]")) if (isShown(e) && !name(e)) faults.push(`a control without a name: ${e.outerHTML.slice(0, 90)}`);
  for (const e of document.querySelectorAll("img")) if (e.getAttribute("alt") === null) faults.push("an image without an alternative");
  if (document.querySelector("[tabindex]:not([tabindex='0'], [tabindex='-1'])")) faults.push("an order of its own for the Tab key");
  if (document.querySelector("[style], style")) for (const e of document.querySelectorAll("style")) faults.push(`a style within the page ${e.outerHTML.slice(0, 60)}`);

  // Contrast, against the nearest ground that is not transparent: 4.5, or 3 for what is large.
  const parse = (text) => (text.match(/[\d.]+/g) ?? []).map(Number);
  const luminance = ([r, g, b]) => [r, g, b].map((v) => v / 255).map((v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)).reduce((sum, v, index) => sum + v * [0.2126, 0.7152, 0.0722][index], 0);
  const ground = (e) => {
    for (; e; e = e.parentElement) {
      const colour = parse(getComputedStyle(e).backgroundColor);
      if (colour.length === 3 || colour[3] > 0.99) return colour;
    }
    return [255, 255, 255];
  };
  const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  const seen = new Set();
  while (walk.nextNode()) {
    const e = walk.currentNode.parentElement;
    if (!walk.currentNode.data.trim() || !isShown(e) || e.closest("noscript, option, :disabled, .skip, tr.new")) continue;
    const style = getComputedStyle(e);
    const isDrawn = e instanceof SVGElement;
    const [fore, back] = [parse(isDrawn ? style.fill : style.color), ground(e)];
    const [a, b] = [luminance(fore), luminance(back)].sort((x, y) => y - x);
    const contrast = (a + 0.05) / (b + 0.05);
    const size = parseFloat(style.fontSize);
    const isLarge = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700);
    const fault = `contrast ${contrast.toFixed(2)} of ${fore} on ${back}: ${walk.currentNode.data.trim().slice(0, 30)}`;
    if (contrast < (isLarge ? 3 : 4.5) && !seen.has(`${fore}${back}`)) faults.push(fault);
    seen.add(`${fore}${back}`);
  }
  // The edges of controls: 3.
  for (const e of document.querySelectorAll("input, select")) {
    if (!isShown(e) || e.disabled) continue;
    const [a, b] = [luminance(parse(getComputedStyle(e).borderColor)), luminance(ground(e.parentElement))].sort((x, y) => y - x);
    if ((a + 0.05) / (b + 0.05) < 3) faults.push(`a control's edge: ${e.id}`);
  }
  return faults;
})()"""
