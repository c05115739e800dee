// The steps of an automation as cards, to select, move, copy, switch off, remove, and add. Gives back what a person did.
// What is open (a menu, the palette, the search in it) lives on the root, so that a re-run of the page does not close it.

export default function ({ data: packed, parentElement, setTriggerValue }) {
  const data = unpacked(packed);
  const root = parentElement.querySelector("[data-root]");
  const own = root.__own || (root.__own = { menu: null, place: null, query: "" });
  const tell = reports(root, data.heard, setTriggerValue);
  const did = (what, more) => { own.menu = null; tell("did", { what, ...more }); };
  root.classList.toggle("dark", isDark(root));
  own.draw = draw;  // of the newest data, also for a card that was drawn before it came
  if (!own.dragged) draw();  // what is being dragged is not taken away from under the mouse

  function draw() {
    const focused = root.getRootNode().activeElement;
    const held = focused && focused.dataset ? focused.dataset.focus : null;
    const list = element("ol", "steps");
    list.setAttribute("aria-label", "Steps");
    data.steps.forEach((step, at) => list.append(item(step, at)));
    root.replaceChildren(list);
    if (data.may_edit) root.append(own.place === "end" || !data.steps.length ? palette("end") : addButton());
    const again = held && root.querySelector(`[data-focus="${CSS.escape(held)}"]`);
    if (again) again.focus({ preventScroll: true });
  }

  function item(step, at) {
    const next = data.steps[at + 1];
    const last = !next || next.shown.length === next.conditions.length;  // what follows is another group, or none
    const li = element("li", last ? "item last" : "item");
    li.style.setProperty("--depth", Math.min(step.depth, 3));
    li.append(card(step, at));
    if (data.may_edit && at < data.steps.length - 1) li.append(own.place === step.id ? palette(step.id) : between(step.id));
    if (data.may_edit) acceptDrop(li, at);
    return li;
  }

  function card(step, at) {
    const box = element("div", "card" + (step.id === data.selected ? " selected" : "") + (step.disabled ? " off" : "") + (step.problems ? " wrong" : ""));
    const main = element("button", "main");
    main.type = "button";
    main.dataset.focus = "step:" + step.id;
    main.dataset.step = step.id;
    if (step.id === data.selected) main.setAttribute("aria-current", "true");
    main.onclick = () => { root.querySelectorAll(".card").forEach((other) => other.classList.toggle("selected", other === box)); did("select", { step: step.id }); };
    main.onkeydown = (event) => { if (data.may_edit && event.altKey && /^Arrow(Up|Down)$/.test(event.key)) { event.preventDefault(); move(at, event.key === "ArrowUp" ? -1 : 1); } };
    const badge = element("span", "badge " + (step.group || "none"));
    badge.append(symbol(step.symbol));
    const head = element("span", "head");
    head.append(element("span", "name", step.title));
    if (step.disabled) head.append(element("span", "chip", "Off"));
    if (step.problems) head.append(element("span", "chip bad", step.problems === 1 ? "1 problem" : `${step.problems} problems`));
    const text = element("span", "words");
    text.append(head);
    if (step.conditions.length) conditions(step, text);
    text.append(element("span", "sentence", step.sentence));
    main.append(badge, text);
    box.append(main);
    if (data.may_edit) box.append(more(step, at));
    if (data.may_edit && at > 0) { box.draggable = true; box.ondragstart = (event) => { own.dragged = step.id; event.dataTransfer.effectAllowed = "move"; event.dataTransfer.setData("text/plain", step.title); box.classList.add("dragged"); }; box.ondragend = () => { own.dragged = null; own.draw(); }; }
    return box;
  }

  // A group says its conditions on its first card, the others what they add; whoever cannot see the group hears all of them.
  function conditions(step, text) {
    const all = step.conditions.join(" · ");
    const whole = step.shown.length === step.conditions.length;
    text.title = all;
    if (!whole) text.append(element("span", "unseen", all));
    if (!step.shown.length) return;
    const asked = element("span", "asked");
    asked.append(symbol("call_split"), element("span", "", step.shown.join(" · ")));
    if (!whole) asked.setAttribute("aria-hidden", "true");
    text.append(asked);
  }

  function more(step, at) {
    const holder = element("div", "more");
    const button = element("button", "dots");
    button.type = "button";
    button.dataset.focus = "more:" + step.id;
    button.setAttribute("aria-label", `More for ${step.title}`);
    button.setAttribute("aria-expanded", String(own.menu === step.id));
    button.append(symbol("more_vert"));
    button.onclick = () => { own.menu = own.menu === step.id ? null : step.id; draw(); };
    holder.append(button);
    if (own.menu === step.id) holder.append(menu(step, at));
    return holder;
  }

  function menu(step, at) {
    const box = element("div", "menu");
    box.setAttribute("role", "menu");
    const entry = (icon, label, act) => {
      const button = element("button", "entry");
      button.type = "button";
      button.setAttribute("role", "menuitem");
      button.append(symbol(icon), element("span", "", label));
      button.onclick = act;
      box.append(button);
    };
    if (at > 1) entry("arrow_upward", "Move up", () => move(at, -1));
    if (at > 0 && at < data.steps.length - 1) entry("arrow_downward", "Move down", () => move(at, 1));
    if (at > 0) entry("content_copy", "Duplicate", () => did("duplicate", { step: step.id }));
    if (at > 0) entry(step.disabled ? "play_arrow" : "pause", step.disabled ? "Switch on" : "Switch off", () => did("disable", { step: step.id, off: !step.disabled }));
    if (at > 0) entry("delete", "Remove", () => did("remove", { step: step.id }));
    if (at === 0) data.triggers.filter((node) => node.key !== step.node).forEach((node) => entry(node.symbol, `Start with: ${node.title}`, () => did("trigger", { node: node.key })));
    if (!box.children.length) box.append(element("span", "none", "This step starts the automation."));
    box.onkeydown = (event) => { if (event.key === "Escape") { own.menu = null; draw(); } };
    return box;
  }

  function move(at, by) {
    const to = at + by;
    if (at < 1 || to < 1 || to >= data.steps.length) return;
    const next = data.steps[by < 0 ? to : to + 1];
    did("move", { step: data.steps[at].id, before: next ? next.id : null });
  }

  function acceptDrop(li, at) {
    const below = (event) => { const box = li.getBoundingClientRect(); return event.clientY > box.top + box.height / 2; };
    li.ondragover = (event) => { if (!own.dragged) return; event.preventDefault(); li.classList.toggle("below", below(event)); li.classList.toggle("above", !below(event)); };
    li.ondragleave = () => li.classList.remove("below", "above");
    li.ondrop = (event) => {
      event.preventDefault();
      const next = below(event) ? data.steps[at + 1] : data.steps[at];
      if (own.dragged && (!next || next.id !== own.dragged)) did("move", { step: own.dragged, before: next ? next.id : null });
    };
  }

  function between(id) {
    const button = element("button", "between");
    button.type = "button";
    button.dataset.focus = "add:" + id;
    button.setAttribute("aria-label", "Add a step here");
    button.append(symbol("add"));
    button.onclick = () => open(id);
    return button;
  }

  function addButton() {
    const button = element("button", "add");
    button.type = "button";
    button.dataset.focus = "add:end";
    button.append(symbol("add"), element("span", "", data.steps.length ? "Add a step" : "Choose what starts it"));
    button.onclick = () => open("end");
    return button;
  }

  function open(place) {
    own.place = place;
    own.query = "";
    draw();
    const search = root.querySelector(".palette input");
    if (search) search.focus({ preventScroll: true });
    const box = root.querySelector(".palette");
    if (box) box.scrollIntoView({ block: "nearest" });
  }

  function palette(place) {
    return paletteOf(data.steps.length ? data.palette : [{ title: "What starts it", nodes: data.triggers }], {
      query: own.query,
      onQuery: (text) => { own.query = text; },
      onClose: data.steps.length ? () => { own.place = null; draw(); } : null,
      onPick: (node) => { own.place = null; own.query = ""; did("add", { node, after: place === "end" ? null : place }); },
    });
  }
}
