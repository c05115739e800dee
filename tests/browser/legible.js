// What somebody could not read, reach or name on the page as it is now, also within components. Returns sentences.
() => {
  document.getAnimations().forEach((each) => { try { each.finish(); } catch { each.cancel(); } }); // colours on their way
  const every = (root) => [...root.querySelectorAll("*")].flatMap((e) => [e, ...(e.shadowRoot ? every(e.shadowRoot) : [])]);
  const parent = (e) => e.assignedSlot || e.parentElement || (e.getRootNode() instanceof ShadowRoot ? e.getRootNode().host : null);
  const brush = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  const known = new Map();
  const rgba = (colour) => {
    if (!known.has(colour)) {
      brush.clearRect(0, 0, 1, 1); brush.fillStyle = "#000"; brush.fillStyle = colour; brush.fillRect(0, 0, 1, 1);
      const [r, g, b, a] = brush.getImageData(0, 0, 1, 1).data;
      known.set(colour, [r, g, b, a / 255]);
    }
    return known.get(colour);
  };
  const over = (top, under) => [0, 1, 2].map((i) => top[i] * top[3] + under[i] * (1 - top[3]));
  const behind = (e) => {
    const layers = [];
    for (let at = e; at; at = parent(at)) { const colour = rgba(getComputedStyle(at).backgroundColor); if (colour[3] > 0) layers.push(colour); if (colour[3] === 1) break; }
    return layers.reverse().reduce((under, top) => over(top, under), rgba(getComputedStyle(document.body).backgroundColor)[3] ? rgba(getComputedStyle(document.body).backgroundColor) : [255, 255, 255]);
  };
  const light = (colour) => { const [r, g, b] = colour.map((v) => (v / 255 <= 0.04045 ? v / 255 / 12.92 : ((v / 255 + 0.055) / 1.055) ** 2.4)); return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
  const contrast = (a, b) => { const [x, y] = [light(a), light(b)].sort((p, q) => q - p); return (x + 0.05) / (y + 0.05); };
  const seen = (e) => { const box = e.getBoundingClientRect(); return box.width > 1 && box.height > 1 && e.checkVisibility({ opacityProperty: true, visibilityProperty: true }); };
  const off = (e) => { for (let at = e; at; at = parent(at)) if (at.disabled || at.getAttribute("aria-disabled") === "true" || at.getAttribute("aria-hidden") === "true" || at.matches("[data-stale=true], label:has(input:disabled)")) return true; return false; };
  const faint = (e) => { let all = 1; for (let at = e; at; at = parent(at)) all *= Number(getComputedStyle(at).opacity); return all; };
  const named = (e, text) => `${e.tagName.toLowerCase()}.${String(e.className.baseVal ?? e.className).split(" ").slice(-1)} "${text.trim().slice(0, 40)}"`;
  const found = [];
  const wide = document.documentElement.scrollWidth;
  if (wide > innerWidth) found.push(`the page is ${wide} wide`);
  const main = document.querySelector("[data-testid=stMain]");
  if (main && main.scrollWidth > main.clientWidth + 1) found.push(`the middle is ${main.scrollWidth} wide instead of ${main.clientWidth}`);
  const all = every(document.body).filter(seen);
  all.forEach((e) => {
    const style = getComputedStyle(e);
    const own = [...e.childNodes].filter((n) => n.nodeType === 3 && n.data.trim()).map((n) => n.data).join(" ");
    const hint = (e.matches("input, textarea") && (e.value || e.placeholder)) || "";
    const isSymbol = /Material Symbols/.test(style.fontFamily);
    if ((own || hint) && !off(e) && !isSymbol) {
      const ground = behind(e);
      const colour = rgba(!own && !e.value && e.placeholder ? getComputedStyle(e, "::placeholder").color : style.color);
      const size = parseFloat(style.fontSize);
      const least = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700) ? 3 : 4.5;
      const is = contrast(over([colour[0], colour[1], colour[2], colour[3] * faint(e)], ground), ground);
      if (is < least - 0.05) found.push(`contrast ${is.toFixed(2)} of ${named(e, own || hint)}`);
    }
    if (e.matches("button, [role=button], a[href], input:not([type=hidden]), textarea, select, [role=textbox], [role=combobox], [role=switch], [role=menuitem]")) {
      const by = (e.getAttribute("aria-labelledby") || "").split(" ").map((id) => e.getRootNode().getElementById?.(id)?.textContent || "").join("");
      const label = e.getAttribute("aria-label") || by || [...(e.labels || [])].map((l) => l.textContent).join("") || e.title || e.alt || (e.matches("input, textarea") ? e.placeholder : e.textContent);
      if (!label.trim() && !off(e)) found.push(`no name: ${named(e, e.outerHTML.slice(0, 120))}`);
    }
    if (e.matches("button") && style.overflow !== "visible" && e.scrollWidth > e.clientWidth + 1 && !/scroll|auto/.test(style.overflowX)) found.push(`cut off: ${named(e, e.textContent)}`);
    if (main && main.contains(e.getRootNode().host || e) && e.matches("button") && !inScroller(e)) {
      const box = e.getBoundingClientRect();
      if (box.right > innerWidth + 1 || box.left < -1) found.push(`outside of the window: ${named(e, e.textContent)}`);
    }
  });
  return [...new Set(found)];

  function inScroller(e) { for (let at = parent(e); at && at !== main; at = parent(at)) if (/auto|scroll/.test(getComputedStyle(at).overflowX) && at.scrollWidth > at.clientWidth) return true; return false; }
}
