// A list of things to choose from: conversations, requests for a person, runs. Gives back the id of the chosen one.
// Every text goes in as text, never as HTML.

export default function ({ data: packed, parentElement, setTriggerValue }) {
  const data = unpacked(packed);
  const root = parentElement.querySelector("[data-root]");
  root.classList.toggle("dark", isDark(root));
  const tell = reports(root, data.heard, setTriggerValue);
  const held = root.querySelector(".rows");
  const scroll = held ? held.scrollTop : 0;
  const focused = root.getRootNode().activeElement;
  const focusedId = focused && focused.dataset ? focused.dataset.id : null;
  root.replaceChildren(data.items.length ? list() : empty());
  const made = root.querySelector(".rows");
  const unfill = made && data.tall ? fillHeight(made, 320) : () => {};
  if (made) made.scrollTop = scroll;
  if (focusedId) { const again = root.querySelector(`[data-id="${CSS.escape(focusedId)}"]`); if (again) again.focus({ preventScroll: true }); }
  // The list may be drawn anew between press and release, so a click is told by the row's id and not by its element.
  root.onpointerdown = (event) => { root.__pressed = rowId(event); };
  root.onpointercancel = () => { root.__pressed = null; };
  root.onpointerup = (event) => {
    const id = rowId(event);
    if (event.button === 0 && id && id === root.__pressed) choose(id);
    root.__pressed = null;
  };
  const clock = setInterval(() => root.querySelectorAll("time").forEach(tellAgo), 20000);
  return () => { clearInterval(clock); unfill(); };

  function list() {
    const ul = element("ul", "rows" + (data.tall ? " tall" : ""));
    ul.setAttribute("aria-label", data.label);
    data.items.forEach((item) => { const li = element("li"); li.append(row(item)); ul.append(li); });
    if (data.more) {
      const li = element("li");
      const button = element("button", "more", data.more);
      button.onclick = () => { button.disabled = true; tell("more", null); };
      li.append(button);
      ul.append(li);
    }
    ul.onkeydown = (event) => {
      const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
      if (!step) return;
      const rows = [...ul.querySelectorAll(".row")];
      const next = rows[rows.indexOf(event.target) + step];
      if (next) { event.preventDefault(); next.focus(); }
    };
    return ul;
  }

  function choose(id) {
    root.querySelectorAll(".row").forEach((row) => row.classList.toggle("selected", row.dataset.id === id));
    tell("chosen", id, true);
  }

  function row(item) {
    const button = element("button", "row" + (item.id === data.selected ? " selected" : "") + (item.unread ? " unread" : ""));
    button.type = "button";
    button.dataset.id = item.id;
    if (item.id === data.selected) button.setAttribute("aria-current", "true");
    button.onclick = (event) => { if (event.detail === 0) choose(item.id); }; // by keyboard; a pointer is handled below
    button.append(icon(item), element("span", "title", item.title));
    const side = element("span", "side");
    if (item.at) { const time = element("time"); time.dateTime = item.at; time.dataset.style = item.at_style || "ago"; tellAgo(time); side.append(time); }
    if (item.side) side.append(element("span", "", item.side));
    if (item.unread) { const count = element("span", "count", String(item.unread)); count.setAttribute("aria-label", `${item.unread} unread`); side.append(count); }
    button.append(side);
    if (item.text) button.append(element("span", "text" + (item.wrap ? " wrap" : ""), item.text));
    if (typeof item.progress === "number") {
      const bar = element("span", "progress");
      bar.setAttribute("role", "progressbar");
      bar.setAttribute("aria-valuenow", String(Math.round(item.progress * 100)));
      bar.append(element("span"));
      bar.firstChild.style.width = `${item.progress * 100}%`;
      button.append(bar);
    }
    if (item.chips && item.chips.length) {
      const chips = element("span", "chips");
      item.chips.forEach((chip) => chips.append(element("span", "chip " + (chip.tone || ""), chip.text)));
      button.append(chips);
    }
    return button;
  }

  function icon(item) {
    const box = element("span", "icon " + (item.tone || ""));
    box.setAttribute("aria-hidden", "true");
    box.append(item.symbol ? symbol(item.symbol) : document.createTextNode(item.initials || ""));
    if (item.corner) { const corner = element("span", "corner"); corner.append(symbol(item.corner)); box.append(corner); }
    return box;
  }

  function empty() {
    const box = element("div", "empty");
    if (data.empty.symbol) box.append(symbol(data.empty.symbol));
    box.append(element("b", "", data.empty.title), element("span", "", data.empty.text));
    return box;
  }
}

function rowId(event) {
  const row = event.target.closest(".row");
  return row ? row.dataset.id : null;
}
