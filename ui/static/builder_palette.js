// The kinds of steps that there are, in groups, with a search over titles and descriptions. Used by builder.js.

function paletteOf(groups, { query, onQuery, onClose, onPick }) {
  const box = element("div", "palette");
  const bar = element("div", "bar");
  const search = element("input", "search");
  search.type = "search";
  search.placeholder = "Search: message, tag, wait…";
  search.setAttribute("aria-label", "Search for a step");
  search.dataset.focus = "search";
  search.value = query;
  bar.append(symbol("search"), search);
  if (onClose) {
    const close = element("button", "close");
    close.type = "button";
    close.setAttribute("aria-label", "Close");
    close.append(symbol("close"));
    close.onclick = onClose;
    bar.append(close);
  }
  const found = element("div", "found");
  box.append(bar, found);
  search.oninput = () => { onQuery(search.value); fill(); };
  box.onkeydown = (event) => {
    if (event.key === "Escape" && onClose) onClose();
    if (event.key === "Enter" && event.target === search) { const first = found.querySelector("button.node"); if (first) first.click(); }
  };
  fill();
  return box;

  function fill() {
    const wanted = search.value.trim().toLowerCase().split(/\s+/).filter(Boolean);
    const fits = (node) => wanted.every((word) => `${node.title} ${node.sentence} ${node.words || ""}`.toLowerCase().includes(word));
    found.replaceChildren();
    groups.forEach((group) => {
      const nodes = group.nodes.filter(fits);
      if (!nodes.length) return;
      found.append(element("div", "group", group.title));
      nodes.forEach((node) => found.append(entry(node)));
    });
    if (!found.children.length) found.append(element("div", "none", "No step fits these words."));
  }

  function entry(node) {
    const button = element("button", "node");
    button.type = "button";
    button.dataset.node = node.key;
    const badge = element("span", "badge " + (node.group || "none"));
    badge.append(symbol(node.symbol));
    const text = element("span", "words");
    text.append(element("span", "name", node.title), element("span", "sentence", node.sentence));
    button.append(badge, text);
    button.onclick = () => onPick(node.key);
    return button;
  }
}
